/*
 * Reading the tables as of a snapshot.
 *
 * The heap is scanned directly: no plan, no privileges and no row security
 * are in the way, and none is passed by, since whose rows a caller may see is
 * asked at each call (caller.c). Rows are written in the form that
 * cmd/libtinydancer/wire.go reads.
 */
#include "tinydancer.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* ---- writing ---- */

static void
put_int64(StringInfo out, int64 v)
{
	appendBinaryStringInfo(out, (char *) &v, sizeof(v));
}

static void
put_bytes(StringInfo out, const char *data, int len)
{
	int32		n = len;

	appendBinaryStringInfo(out, (char *) &n, sizeof(n));
	appendBinaryStringInfo(out, data, len);
}

static void
put_text(StringInfo out, Datum value)
{
	text	   *t = DatumGetTextPP(value);

	put_bytes(out, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));
}

static void
put_texts(StringInfo out, Datum value)
{
	Datum	   *elements;
	int32		n;

	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false, TYPALIGN_INT, &elements, NULL, &n);
	appendBinaryStringInfo(out, (char *) &n, sizeof(n));
	for (int i = 0; i < n; i++)
		put_text(out, elements[i]);
}

static void
put_floats(StringInfo out, Datum value, bool isnull)
{
	ArrayType  *array = isnull ? NULL : DatumGetArrayTypeP(value);
	int			n = array ? ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) : 0;

	put_bytes(out, array ? ARR_DATA_PTR(array) : "", n * sizeof(float4));
}

/* ---- reading ---- */

/* Columns are found by name: an upgrade may have added some. */
static AttrNumber
find_column(Relation rel, const char *name)
{
	TupleDesc	desc = RelationGetDescr(rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && namestrcmp(&att->attname, name) == 0)
			return att->attnum;
	}
	return InvalidAttrNumber;
}

static AttrNumber
column(Relation rel, const char *name)
{
	AttrNumber	n = find_column(rel, name);

	if (n != InvalidAttrNumber)
		return n;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("table tinydancer.%s has no column %s", RelationGetRelationName(rel), name),
			 errhint("The extension's tables and its library come from different versions. "
					 "Run ALTER EXTENSION tinydancer UPDATE.")));
	return InvalidAttrNumber;
}

/*
 * Whether the triggers that report changes fire always. pg_restore
 * --disable-triggers leaves them firing for ordinary sessions only, and then
 * rows from a logical subscription would go unnoticed.
 */
static bool
changes_are_reported(Relation rel)
{
	TriggerDesc *triggers = rel->trigdesc;
	int			found = 0;

	for (int i = 0; triggers && i < triggers->numtriggers; i++)
	{
		Trigger    *t = &triggers->triggers[i];

		if (strcmp(t->tgname, "changed") == 0 || strcmp(t->tgname, "truncated") == 0)
		{
			if (t->tgenabled != TRIGGER_FIRES_ALWAYS)
				return false;
			found++;
		}
	}
	return found == 2;
}

static Datum
value_of(TupleTableSlot *slot, AttrNumber n)
{
	bool		isnull;
	Datum		v = slot_getattr(slot, n, &isnull);

	return isnull ? (Datum) 0 : v;
}

/*
 * How many bytes of rows Go gets at a time: some hundred agents, a few
 * milliseconds of work, between which a cancel is noticed.
 */
#define ROSTER_STEP (512 * 1024)

/* Hands the rows over to the roster, which 0 begins. */
static void
hand_over(StringInfo rows, td_handle *roster)
{
	TD_CALL(td_scratch_reply(), roster, (td_span) {rows->data, rows->len}, roster, td_scratch_reply());
	resetStringInfo(rows);
}

bool
td_load_agents(Oid relid, Snapshot snapshot, td_handle *roster)
{
	static const char *const numbers[] = {
		"cost_per_request", "cost_per_token", "monthly_fixed", "declared_latency_ms",
		"declared_quality", "declared_success_rate",
	};
	Relation	rel = table_open(relid, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan;
	AttrNumber	id = column(rel, "id");
	AttrNumber	name = column(rel, "name");
	AttrNumber	type = column(rel, "agent_type");
	AttrNumber	capabilities = column(rel, "capabilities");
	AttrNumber	requests = column(rel, "declared_requests");
	AttrNumber	active = column(rel, "is_active");
	AttrNumber	embedding = column(rel, "embedding");
	AttrNumber	removed = column(rel, "removed_at");
	AttrNumber	number[lengthof(numbers)];
	bool		reported = changes_are_reported(rel);
	MemoryContext row_context = AllocSetContextCreate(CurrentMemoryContext, "tinydancer row", ALLOCSET_DEFAULT_SIZES);
	StringInfo	out = makeStringInfo();

	for (size_t i = 0; i < lengthof(numbers); i++)
		number[i] = column(rel, numbers[i]);

	scan = table_beginscan(rel, snapshot, 0, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MemoryContext before;
		bool		isnull;
		Datum		v;

		CHECK_FOR_INTERRUPTS();
		if (!slot_attisnull(slot, removed))
			continue;
		before = MemoryContextSwitchTo(row_context);
		put_int64(out, DatumGetInt64(value_of(slot, id)));
		put_int64(out, DatumGetInt64(value_of(slot, requests)));
		put_int64(out, DatumGetBool(value_of(slot, active)));
		for (size_t i = 0; i < lengthof(numbers); i++)
		{
			float8		f = DatumGetFloat8(value_of(slot, number[i]));

			appendBinaryStringInfo(out, (char *) &f, sizeof(f));
		}
		put_text(out, value_of(slot, name));
		put_text(out, value_of(slot, type));
		put_texts(out, value_of(slot, capabilities));
		v = slot_getattr(slot, embedding, &isnull);
		put_floats(out, v, isnull);
		MemoryContextSwitchTo(before);
		MemoryContextReset(row_context);
		if (out->len >= ROSTER_STEP)
			hand_over(out, roster);
	}
	hand_over(out, roster);
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, AccessShareLock);
	MemoryContextDelete(row_context);
	pfree(out->data);
	pfree(out);
	return reported;
}

/* Of the counts below. */
#define REQUESTS 1
#define LATENCIES 5

bool
td_load_estimates(Oid relid, Snapshot snapshot, StringInfo out)
{
	static const char *const counts[] = {
		"agent_id", "requests", "successes", "rated_successes", "rated_failures", "latencies",
	};
	static const char *const sums[] = {
		"success_quality_sum", "failure_quality_sum", "quality_square_sum", "latency_sum", "latency_square_sum",
	};
	Relation	rel = table_open(relid, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan;
	AttrNumber	count[lengthof(counts)];
	AttrNumber	sum[lengthof(sums)];
	bool		reported = changes_are_reported(rel);

	for (size_t i = 0; i < lengthof(counts); i++)
		count[i] = find_column(rel, counts[i]);
	/* Before an upgrade to 0.3.0 every request had a latency. */
	if (count[LATENCIES] == InvalidAttrNumber)
		count[LATENCIES] = count[REQUESTS];
	for (size_t i = 0; i < lengthof(sums); i++)
		sum[i] = column(rel, sums[i]);

	scan = table_beginscan(rel, snapshot, 0, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		for (size_t i = 0; i < lengthof(counts); i++)
			put_int64(out, DatumGetInt64(value_of(slot, count[i])));
		for (size_t i = 0; i < lengthof(sums); i++)
		{
			float8		f = DatumGetFloat8(value_of(slot, sum[i]));

			appendBinaryStringInfo(out, (char *) &f, sizeof(f));
		}
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, AccessShareLock);
	return reported;
}

/* Whether a row of models is in a state. */
static bool
is_in(TupleTableSlot *slot, AttrNumber state, const char *wanted)
{
	text	   *is = DatumGetTextPP(value_of(slot, state));

	return VARSIZE_ANY_EXHDR(is) == strlen(wanted) && memcmp(VARDATA_ANY(is), wanted, strlen(wanted)) == 0;
}

/* The version in a state, or 0. */
static int64
version_that(const char *is, Oid relid, Snapshot snapshot)
{
	Relation	rel;
	TupleTableSlot *slot;
	TableScanDesc scan;
	AttrNumber	version,
				state;
	int64		found = 0;

	if (!OidIsValid(relid))
		return 0;
	rel = table_open(relid, AccessShareLock);
	slot = table_slot_create(rel, NULL);
	version = column(rel, "version");
	state = column(rel, "state");
	scan = table_beginscan(rel, snapshot, 0, NULL);
	while (found == 0 && table_scan_getnextslot(scan, ForwardScanDirection, slot))
		if (is_in(slot, state, is))
			found = DatumGetInt64(value_of(slot, version));
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, AccessShareLock);
	return found;
}

bool
td_load_corrections(Oid relid, Oid models, bool challenges, Snapshot snapshot, StringInfo out)
{
	int64		serving = version_that("serving", models, snapshot);
	int64		present = serving == 0 && challenges ? version_that("challenger", models, snapshot) : serving;
	Relation	rel = table_open(relid, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan;
	AttrNumber	agent = column(rel, "agent_id");
	AttrNumber	version = column(rel, "policy_version");
	AttrNumber	state = column(rel, "state");
	bool		reported = changes_are_reported(rel);

	scan = table_beginscan(rel, snapshot, 0, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		ArrayType  *array;

		CHECK_FOR_INTERRUPTS();
		if (DatumGetInt64(value_of(slot, version)) != present)
			continue;
		put_int64(out, DatumGetInt64(value_of(slot, agent)));
		put_int64(out, present);
		array = DatumGetArrayTypeP(value_of(slot, state));
		td_put_numbers(out, array);
		if ((Pointer) array != DatumGetPointer(value_of(slot, state)))
			pfree(array);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, AccessShareLock);
	return reported;
}

/* An array of float8 as the bytes that it has, with how many those are. */
void
td_put_numbers(StringInfo out, ArrayType *array)
{
	if (ARR_HASNULL(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("tinydancer: a number of corrections is NULL"),
				 errhint("DELETE FROM tinydancer.corrections, and learn anew.")));
	put_bytes(out, ARR_DATA_PTR(array), ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) * sizeof(float8));
}

/*
 * The model in a state, "serving" or "challenger", or 0. Other versions are
 * looked at without reading what they hold, which lies apart; so is a
 * challenger's embedder, by which nobody embeds.
 */
bool
td_load_model(Oid relid, Snapshot snapshot, const char *wanted, td_handle *model)
{
	Relation	rel = table_open(relid, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan;
	AttrNumber	version = column(rel, "version");
	AttrNumber	state = column(rel, "state");
	AttrNumber	bytes = column(rel, "model");
	AttrNumber	embedder = column(rel, "embedder");
	AttrNumber	dimensions = column(rel, "dimensions");
	AttrNumber	embedder_name = column(rel, "embedder_name");
	AttrNumber	before = column(rel, "before");
	bool		reported = changes_are_reported(rel);
	bool		challenges = strcmp(wanted, "challenger") == 0;

	scan = table_beginscan(rel, snapshot, 0, NULL);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		td_part		m,
					e;
		Jsonb	   *b;
		text	   *name;
		char	   *tallies;
		int64		number;
		td_model_row all;
		td_reply   *reply;

		CHECK_FOR_INTERRUPTS();
		if (!is_in(slot, state, wanted))
			continue;
		number = DatumGetInt64(value_of(slot, version));
		td_find_part(&m, value_of(slot, bytes), wanted, relid, number);
		td_find_part(&e, challenges ? (Datum) 0 : value_of(slot, embedder), "embedder", relid, number);
		b = DatumGetJsonbP(value_of(slot, before));
		tallies = JsonbToCString(NULL, &b->root, VARSIZE(b));
		name = DatumGetTextPP(value_of(slot, embedder_name));
		reply = td_scratch_reply();
		all = (td_model_row) {
			.version = number,
			.dimensions = DatumGetInt32(value_of(slot, dimensions)),
			.embedder_name = {VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)},
			.model_file = td_part_file(&m),
			.embedder_file = td_part_file(&e),
			.before = {tallies, strlen(tallies)},
			.challenges = challenges,
		};
		/* What is shared may be there already. */
		if (all.model_file.len == 0)
			all.model = td_part_bytes(&m);
		if (all.embedder_file.len == 0)
			all.embedder = td_part_bytes(&e);
		TD_CALL(reply, model, &all, model, reply);
		if (*model == 0 && reply->len == 0)
		{
			if (all.model.len == 0)
				all.model = td_part_bytes(&m);
			if (all.embedder.len == 0)
				all.embedder = td_part_bytes(&e);
			TD_CALL(reply, model, &all, model, reply);
		}
		if (reply->len > 0)
			ereport(WARNING,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("tinydancer: model version %lld cannot be read, and does not %s: %.*s",
							(long long) number, challenges ? "challenge" : "serve",
							(int) reply->len, reply->data),
					 challenges ? errhint("The next ruvector_learn() ends it.")
					 : errhint("ruvector_rollback() returns to the version before.")));
		break;
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, AccessShareLock);
	return reported;
}
