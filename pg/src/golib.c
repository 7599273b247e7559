/*
 * Loading the Go library and calling it.
 *
 * A Go runtime that was started before a fork hangs in the child, so nothing
 * of it may run in the postmaster: the library is loaded at the first call
 * that needs it, in the backend. Its file name carries the version, so that a
 * session that began before an upgrade loads the library that it fits.
 */
#include "tinydancer.h"

#include <dlfcn.h>
#include <pthread.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "miscadmin.h"
#include "utils/memutils.h"

static td_golib golib;
static bool loaded = false;

/*
 * Blocked while Go is on the stack: all signals but those that report a fault
 * of the running instruction, which Go turns into panics, and SIGQUIT, so that
 * an immediate shutdown does not wait. Blocking the faults, too, would turn a
 * nil dereference into a crash of the cluster.
 */
static void
fill_mask(sigset_t *mask)
{
	static const int open[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGQUIT};

	sigfillset(mask);
	for (size_t i = 0; i < lengthof(open); i++)
		sigdelset(mask, open[i]);
}

void
td_enter(sigset_t *before)
{
	static sigset_t mask;
	static bool filled = false;

	if (!filled)
	{
		fill_mask(&mask);
		filled = true;
	}
	pthread_sigmask(SIG_SETMASK, &mask, before);
}

void
td_leave(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* The library lies beside this one. */
const char *
td_golib_path(void)
{
	static char path[MAXPGPATH];
	Dl_info		self;

	if (dladdr((void *) td_golib_path, &self) == 0)
		elog(ERROR, "tinydancer: cannot find its own library file");
	strlcpy(path, self.dli_fname, sizeof(path));
	get_parent_directory(path);
	strlcat(path, "/libtinydancer-" TD_VERSION ".so", sizeof(path));
	return path;
}

static void *
symbol(void *library, const char *name, bool optional)
{
	void	   *address = dlsym(library, name);

	if (address == NULL && !optional)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("tinydancer: %s has no function %s", td_golib_path(), name),
				 errhint("The two libraries come from different builds. Run \"make install\" again.")));
	return address;
}

/*
 * Opens the library such that the naps of Go's threads may last 10 ms longer
 * than they ask for; a thread takes this over from the one that starts it.
 *
 * Go's monitor would otherwise take back its processor 20 µs after each call,
 * and be woken by the next one: three switches of threads for every statement,
 * which cost more than all that deciding does. Now it naps through some
 * hundred statements. See docs/adr/0002.
 */
static void *
open_patiently(const char *path)
{
#ifdef PR_SET_TIMERSLACK
	const unsigned long patience = 10 * 1000 * 1000;	/* ns; also the longest nap that Go asks for */
	int			before = prctl(PR_GET_TIMERSLACK);
	void	   *library;

	prctl(PR_SET_TIMERSLACK, patience);
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	prctl(PR_SET_TIMERSLACK, (unsigned long) Max(before, 0));
	return library;
#else
	return dlopen(path, RTLD_NOW | RTLD_LOCAL);
#endif
}

static void
load(void)
{
	sigset_t	before;
	struct sigaction actions[2];
	static const int kept[] = {SIGPIPE, SIGURG};
	void	   *library;
	char	   *problem = NULL;

	if (!IsUnderPostmaster && IsPostmasterEnvironment)
		elog(ERROR, "tinydancer: the Go library must not be loaded in the postmaster");

	/*
	 * Go's threads are born under this mask and never take a signal meant
	 * for PostgreSQL.
	 */
	td_enter(&before);
	for (size_t i = 0; i < lengthof(kept); i++)
		sigaction(kept[i], NULL, &actions[i]);
	library = open_patiently(td_golib_path());
	if (library == NULL)
		problem = dlerror();
	for (size_t i = 0; i < lengthof(kept); i++)
		sigaction(kept[i], &actions[i], NULL);
	td_leave(&before);

	if (library == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE),
				 errmsg("tinydancer: cannot load %s: %s", td_golib_path(), problem),
				 errhint("Run \"make install\" again.")));

	golib.init = symbol(library, "td_init", false);
	golib.roster = symbol(library, "td_roster", false);
	golib.model = symbol(library, "td_model", false);
	golib.router = symbol(library, "td_router", false);
	golib.correct = symbol(library, "td_correct", false);
	golib.school_open = symbol(library, "td_school_open", false);
	golib.school_rows = symbol(library, "td_school_rows", false);
	golib.school_begin = symbol(library, "td_school_begin", false);
	golib.school_wait = symbol(library, "td_school_wait", false);
	golib.school_result = symbol(library, "td_school_result", false);
	golib.release = symbol(library, "td_release_handle", false);
	golib.route = symbol(library, "td_route_request", false);
	golib.decide = symbol(library, "td_decide_request", false);
	golib.explain = symbol(library, "td_explain_begin", false);
	golib.explain_rows = symbol(library, "td_explain_rows", false);
	golib.embed = symbol(library, "td_embed_text", false);
	golib.fold_case = symbol(library, "td_fold_case", false);
	golib.lower_case = symbol(library, "td_lower_case", false);
	golib.nearest = symbol(library, "td_nearest_word", false);
	golib.take = symbol(library, "td_take", false);
	golib.provoke = symbol(library, "td_provoke", true);
	loaded = true;
	TD_CALL(td_scratch_reply(), init, td_scratch_reply());
}

const td_golib *
td_go(void)
{
	if (unlikely(!loaded))
		load();
	return &golib;
}

/* One buffer for answers, grown as needed and kept. */
td_reply *
td_scratch_reply(void)
{
	static td_reply reply;

	if (reply.data == NULL)
	{
		reply.cap = 8192;
		reply.data = MemoryContextAlloc(TopMemoryContext, reply.cap);
	}
	return &reply;
}

void
td_release(td_handle handle)
{
	sigset_t	before;

	if (handle == 0 || !loaded)
		return;
	td_enter(&before);
	golib.release(handle);
	td_leave(&before);
}

/*
 * Completes a call: fetches an answer that did not fit, and raises an error.
 * An error comes as five bytes of SQLSTATE, then message, detail and hint,
 * each ended by a zero byte.
 */
void
td_finish(int status, td_reply *reply)
{
	if (unlikely(reply->len > reply->cap))
	{
		sigset_t	before;

		reply->data = repalloc_huge(reply->data, reply->len);
		reply->cap = reply->len;
		td_enter(&before);
		golib.take(reply);
		td_leave(&before);
	}
	if (unlikely(status != 0))
	{
		const char *state = reply->data;
		const char *message = state + 6;
		const char *detail = message + strlen(message) + 1;
		const char *hint = detail + strlen(detail) + 1;

		ereport(ERROR,
				(errcode(MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4])),
				 errmsg("%s", message),
				 *detail ? errdetail("%s", detail) : 0,
				 *hint ? errhint("%s", hint) : 0));
	}
}

/*
 * Not declared in SQL: a test that has a library built for it declares it
 * itself. See cmd/libtinydancer/provoke.go.
 */
PG_FUNCTION_INFO_V1(td_provoke);
Datum
td_provoke(PG_FUNCTION_ARGS)
{
	td_reply   *reply = td_scratch_reply();

	if (td_go()->provoke == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("tinydancer: this is not a test build")));
	TD_CALL(reply, provoke, PG_GETARG_INT32(0), reply);
	PG_RETURN_INT64(reply->len);
}
