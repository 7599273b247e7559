/*
 * Models in files that backends share.
 *
 * A model is some megabytes, which every backend would otherwise read from the
 * table, copy and turn into what it decides by: a tenth of a second at its first
 * decision, and memory that no cache holds for all of them. So the first that needs a version
 * writes the column's bytes, as they are, to a temporary file of the server, and
 * all map that. The row stays the truth: a file is named by its table, its version
 * and its checksum, which the last bytes of the column are, and is checked when it is
 * mapped. Without it, as where the disk is full, a backend keeps a copy of
 * its own.
 *
 * The server removes such files when it starts. Those of earlier versions are removed
 * when a later one is written.
 */
#include "tinydancer.h"

#include <sys/stat.h>
#include <unistd.h>

#include "access/detoast.h"
#include "common/file_perm.h"
#if PG_VERSION_NUM >= 160000
#include "common/file_utils.h"
#endif
#include "miscadmin.h"
#include "storage/fd.h"

#define DIRECTORY "base/" PG_TEMP_FILES_DIR

/* Smaller ones are copied: a file has a price, too. */
#define SHARED_FROM (256 * 1024)

/* The files of one part in this database begin with it. */
static void
family_of(char *family, const char *what)
{
	snprintf(family, MAXPGPATH, PG_TEMP_FILE_PREFIX "_tinydancer_%u_%s_", MyDatabaseId, what);
}

void
td_find_part(td_part *part, Datum value, const char *what, Oid relid, int64 version)
{
	char		family[MAXPGPATH];
	Size		size;
	bytea	   *last;
	uint32		checksum;

	part->value = value;
	part->what = what;
	part->relid = relid;
	part->version = version;
	part->path[0] = '\0';
	if (value == (Datum) 0 || !VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(value)))
		return;
	size = toast_raw_datum_size(value) - VARHDRSZ;
	if (size < SHARED_FROM)
		return;
	last = DatumGetByteaPSlice(value, size - sizeof(checksum), sizeof(checksum));
	memcpy(&checksum, VARDATA_ANY(last), sizeof(checksum));
	family_of(family, what);
	snprintf(part->path, MAXPGPATH, DIRECTORY "/%s%u_%lld_%08x", family, relid, (long long) version, checksum);
}

td_span
td_part_file(const td_part *part)
{
	return (td_span) {part->path, strlen(part->path)};
}

/*
 * Removes what earlier versions have left, and tables that are no more. Later ones
 * stay: a statement with an old snapshot may read an old version, while all others
 * need the new.
 */
static void
remove_earlier(const char *path, const char *what, Oid relid, int64 version)
{
	char		family[MAXPGPATH];
	DIR		   *dir = AllocateDir(DIRECTORY);
	struct dirent *entry;

	family_of(family, what);
	while (dir != NULL && (entry = ReadDirExtended(dir, DIRECTORY, LOG)) != NULL)
	{
		unsigned int table;
		long long	number;
		char		other[MAXPGPATH * 2];

		if (strncmp(entry->d_name, family, strlen(family)) != 0 ||
			sscanf(entry->d_name + strlen(family), "%u_%lld_", &table, &number) != 2 ||
			(table == relid && number > version))
			continue;
		snprintf(other, sizeof(other), DIRECTORY "/%s", entry->d_name);
		if (strcmp(other, path) != 0)
			unlink(other);
	}
	if (dir != NULL)
		FreeDir(dir);
}

/* Whether all was written. */
static bool
write_all(int file, const char *data, Size left)
{
	while (left > 0)
	{
		ssize_t		done = write(file, data, left);

		if (done < 0 && errno != EINTR)
			return false;
		data += Max(done, 0);
		left -= Max(done, 0);
	}
	return true;
}

/* Leaves a whole file at a path, or none: others may be reading it. */
static void
publish(const td_part *part, const char *data, Size size)
{
	const char *path = part->path;
	char		begun[MAXPGPATH + 16];
	int			file;
	bool		whole;

	snprintf(begun, sizeof(begun), "%s.%d", path, MyProcPid);
	file = OpenTransientFile(begun, O_CREAT | O_TRUNC | O_WRONLY | PG_BINARY);
	if (file < 0 && errno == ENOENT && MakePGDirectory(DIRECTORY) == 0)
		file = OpenTransientFile(begun, O_CREAT | O_TRUNC | O_WRONLY | PG_BINARY);
	if (file < 0)
	{
		elog(DEBUG1, "tinydancer: cannot write \"%s\", and keeps a copy: %m", begun);
		return;
	}
	whole = write_all(file, data, size);
	if (CloseTransientFile(file) != 0 || !whole || rename(begun, path) != 0)
	{
		elog(DEBUG1, "tinydancer: cannot write \"%s\", and keeps a copy: %m", path);
		unlink(begun);
		return;
	}
	remove_earlier(path, part->what, part->relid, part->version);
}

/* The bytes of a part, which are now in its file, too. */
td_span
td_part_bytes(const td_part *part)
{
	bytea	   *all;
	td_span		span;

	if (part->value == (Datum) 0)
		return (td_span) {NULL, 0};
	all = DatumGetByteaPP(part->value);
	span = (td_span) {VARDATA_ANY(all), VARSIZE_ANY_EXHDR(all)};
	if (part->path[0] != '\0')
		publish(part, span.data, span.len);
	return span;
}
