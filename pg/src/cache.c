/*
 * The registry as the present statement may see it.
 *
 * Reading the tables for every route would cost more than the route, and a
 * copy that is merely recent would be wrong: a statement must see what its
 * snapshot sees, no more and no less. So each table (agents, estimates, corrections, and
 * models twice: the one that serves and the one that challenges) has
 *
 *   generation   counts the invalidations of the table
 *   fresh        rows as of a snapshot newer than any statement's; serves
 *                every statement whose snapshot is not older, as long as the
 *                generation stays
 *   old          rows as of one statement's own snapshot; serves exactly it
 *
 * What is loaded while the transaction has an id may hold rows of its own; it
 * is thrown away when something of the transaction is rolled back.
 *
 * A trigger on the table sends the relcache invalidation when a transaction
 * that changed it commits, to all backends and, through WAL, to standbys.
 */
#include "tinydancer.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "commands/trigger.h"
#include "storage/proc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#if PG_VERSION_NUM >= 170000
#define MY_LXID (MyProc->vxid.lxid)
#else
#define MY_LXID (MyProc->lxid)
#endif

/* What of a snapshot decides which rows it shows. */
typedef struct Horizon
{
	TransactionId xmin;
	TransactionId xmax;
	TransactionId *xids;		/* in progress: xip, or subxip in recovery */
	uint32		nxids;
	uint32		capacity;
	CommandId	curcid;
	LocalTransactionId lxid;
	bool		recovery;
	bool		overflowed;
} Horizon;

typedef struct Slot
{
	bool		valid;
	bool		own;			/* may hold rows of the running transaction */
	uint64		generation;
	Horizon		horizon;
	uint64		content;		/* names what was loaded; 0 is nothing */
	StringInfoData rows;		/* of estimates or corrections */
	td_handle	handle;			/* of agents or a model, which go to Go at once */
} Slot;

typedef struct Table
{
	const char *name;
	bool		optional;		/* not there before an upgrade to 0.3.0 */
	Oid			relid;
	uint64		found;			/* the generation in which relid was looked up */
	uint64		generation;
	Slot		fresh;
	Slot		old;
} Table;

static Table agents = {.name = "agents", .generation = 1};
static Table estimates = {.name = "estimates", .generation = 1};
static Table models = {.name = "models", .optional = true, .generation = 1};
static Table challengers = {.name = "models", .optional = true, .generation = 1};
static Table corrections = {.name = "corrections", .optional = true, .generation = 1};
static Table *const tables[] = {&agents, &estimates, &models, &challengers, &corrections};

static uint64 contents = 0;
static MemoryContext cache_context;

/* ---- what moves a generation ---- */

/* No access to tables is allowed here: it only counts. */
static void
relation_invalidated(Datum arg pg_attribute_unused(), Oid relid)
{
	for (size_t i = 0; i < lengthof(tables); i++)
		if (relid == InvalidOid || tables[i]->relid == relid || tables[i]->relid == InvalidOid)
			tables[i]->generation++;
	/* Of the corrections only those of the model that serves are there, or of the challenger. */
	if (relid == models.relid)
		corrections.generation++;
}

/*
 * Rows of its own that a transaction saw are nobody's once it is rolled back,
 * and others may not see them yet once it is prepared. What was loaded without
 * any stays: an error that is caught costs nothing.
 */
static void
forget_own(bool keep)
{
	for (size_t i = 0; i < lengthof(tables); i++)
	{
		Slot	   *slots[] = {&tables[i]->fresh, &tables[i]->old};

		for (size_t k = 0; k < lengthof(slots); k++)
		{
			if (slots[k]->own && !keep)
				slots[k]->valid = false;
			slots[k]->own = false;
		}
	}
}

static void
transaction_ended(XactEvent event, void *arg pg_attribute_unused())
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
			forget_own(true);
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
		case XACT_EVENT_PREPARE:
			forget_own(false);
			break;
		default:
			break;
	}
}

static void
subtransaction_ended(SubXactEvent event, SubTransactionId mine pg_attribute_unused(),
					 SubTransactionId parent pg_attribute_unused(), void *arg pg_attribute_unused())
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		forget_own(false);
}

void
td_register_callbacks(void)
{
	CacheRegisterRelcacheCallback(relation_invalidated, (Datum) 0);
	RegisterXactCallback(transaction_ended, NULL);
	RegisterSubXactCallback(subtransaction_ended, NULL);
}

/* tinydancer.changed(): the trigger on the tables that are cached. */
PG_FUNCTION_INFO_V1(td_changed);
Datum
td_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("tinydancer.changed() is a trigger")));
	CacheInvalidateRelcacheByRelid(RelationGetRelid(((TriggerData *) fcinfo->context)->tg_relation));
	return PointerGetDatum(NULL);
}

/* ---- horizons ---- */

static void
remember(Horizon *h, Snapshot s)
{
	uint32		n = s->takenDuringRecovery ? (uint32) s->subxcnt : s->xcnt;

	if (n > h->capacity)
	{
		MemoryContext before = MemoryContextSwitchTo(cache_context);

		h->xids = h->xids ? repalloc(h->xids, n * sizeof(TransactionId)) : palloc(n * sizeof(TransactionId));
		h->capacity = n;
		MemoryContextSwitchTo(before);
	}
	if (n > 0)
		memcpy(h->xids, s->takenDuringRecovery ? s->subxip : s->xip, n * sizeof(TransactionId));
	h->nxids = n;
	h->xmin = s->xmin;
	h->xmax = s->xmax;
	h->curcid = s->curcid;
	h->lxid = MY_LXID;
	h->recovery = s->takenDuringRecovery;
	h->overflowed = s->suboverflowed;
}

/* Whether s shows exactly what h shows. */
static bool
same(const Horizon *h, Snapshot s)
{
	const TransactionId *xids = s->takenDuringRecovery ? s->subxip : s->xip;
	uint32		n = s->takenDuringRecovery ? (uint32) s->subxcnt : s->xcnt;

	return h->lxid == MY_LXID && h->curcid == s->curcid &&
		h->xmin == s->xmin && h->xmax == s->xmax &&
		h->recovery == s->takenDuringRecovery && h->overflowed == s->suboverflowed &&
		h->nxids == n && (n == 0 || memcmp(h->xids, xids, n * sizeof(TransactionId)) == 0);
}

static bool
contains(const Horizon *h, TransactionId xid)
{
	for (uint32 i = 0; i < h->nxids; i++)
		if (h->xids[i] == xid)
			return true;
	return false;
}

/* Whether s sees all that h sees: it was taken no earlier. */
static bool
not_older(Snapshot s, const Horizon *h)
{
	const TransactionId *xids = s->takenDuringRecovery ? s->subxip : s->xip;
	uint32		n = s->takenDuringRecovery ? (uint32) s->subxcnt : s->xcnt;

	if (s->takenDuringRecovery != h->recovery)
		return false;
	if (h->lxid == MY_LXID && s->curcid < h->curcid)
		return false;
	if (s->xmax != h->xmax)
		return TransactionIdFollows(s->xmax, h->xmax);
	if (h->recovery && (s->suboverflowed || h->overflowed))
		return false;			/* xids may be missing from the lists */
	for (uint32 i = 0; i < n; i++)
		if (!contains(h, xids[i]))
			return false;
	return true;
}

/* ---- loading ---- */

/*
 * The challenger takes some megabytes, and nobody but decide asks it: a backend
 * has it in its routers from its first decision on.
 */
static bool decides = false;
static bool challenger_asked = false;

/*
 * The table's id, looked up again after each change of the table: after DROP
 * EXTENSION and CREATE EXTENSION it is another one.
 */
static Oid
relation_id(Table *t)
{
	AcceptInvalidationMessages();
	if (unlikely(t->found != t->generation))
	{
		uint64		generation = t->generation;
		Oid			relid = get_relname_relid(t->name, get_namespace_oid(TD_SCHEMA, false));

		if (!OidIsValid(relid) && !t->optional)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("table tinydancer.%s does not exist", t->name)));
		if (relid != t->relid)
			t->fresh.valid = t->old.valid = false;
		t->relid = relid;
		t->found = generation;
	}
	return t->relid;
}

Oid
td_agents_relid(void)
{
	return relation_id(&agents);
}

/*
 * Fills a slot as of a snapshot. The slot is invalid while it is being filled,
 * and stays so after an error. Returns false if the trigger that reports
 * changes does not fire always, so that a cached copy could miss one.
 */
static bool
fill(Table *t, Slot *slot, Snapshot snapshot)
{
	bool		reported;

	slot->valid = false;
	slot->own = TransactionIdIsValid(GetTopTransactionIdIfAny());
	slot->generation = t->generation;
	td_release(slot->handle);
	slot->handle = 0;
	if (slot->rows.data != NULL)
		resetStringInfo(&slot->rows);
	if (!OidIsValid(t->relid))
		reported = true;
	else if (t == &agents)
		reported = td_load_agents(t->relid, snapshot, &slot->handle);
	else if (t == &models)
		reported = td_load_model(t->relid, snapshot, "serving", &slot->handle);
	else if (t == &challengers)
		reported = td_load_model(t->relid, snapshot, "challenger", &slot->handle);
	else
	{
		if (slot->rows.data == NULL)
		{
			MemoryContext before = MemoryContextSwitchTo(cache_context);

			initStringInfo(&slot->rows);
			MemoryContextSwitchTo(before);
		}
		reported = t == &corrections ? td_load_corrections(t->relid, relation_id(&models), challenger_asked, snapshot, &slot->rows)
			: td_load_estimates(t->relid, snapshot, &slot->rows);
	}
	remember(&slot->horizon, snapshot);
	slot->content = ++contents;
	slot->valid = true;
	return reported;
}

/* The slot of t that serves the active snapshot. */
static Slot *
current(Table *t, Snapshot active)
{
	bool		exact = IsParallelWorker() || IsolationIsSerializable();

	if (likely(t->fresh.valid && t->fresh.generation == t->generation && !exact &&
			   not_older(active, &t->fresh.horizon)))
		return &t->fresh;
	if (t->old.valid && same(&t->old.horizon, active))
		return &t->old;

	relation_id(t);

	/*
	 * A parallel worker sees what its leader's snapshot sees, and lives for
	 * one statement; a serializable transaction has to read the table itself,
	 * so that what others write to it is known to conflict. Elsewhere a newer
	 * copy is worth having, unless the one there is would do for a newer
	 * statement.
	 */
	if (!exact && !(t->fresh.valid && t->fresh.generation == t->generation))
	{
		Snapshot	newest = RegisterSnapshot(GetCatalogSnapshot(t->relid));
		bool		reported = fill(t, &t->fresh, newest);

		UnregisterSnapshot(newest);
		if (!reported || t->fresh.generation != t->generation)
			t->fresh.valid = false;
		else if (not_older(active, &t->fresh.horizon))
			return &t->fresh;
	}
	fill(t, &t->old, active);
	return &t->old;
}

static void
ready(void)
{
	if (unlikely(cache_context == NULL))
		cache_context = AllocSetContextCreate(TopMemoryContext, "tinydancer cache", ALLOCSET_DEFAULT_SIZES);
	AcceptInvalidationMessages();
}

void
td_begin_to_decide(void)
{
	decides = true;
}

/* The router over the rows that the present statement sees. */
td_handle
td_current_router(void)
{
	static td_handle router = 0;
	static uint64 of_roster = 0,
				of_estimates = 0,
				of_model = 0,
				of_corrections = 0,
				of_challenger = 0,
				of_settings = 0;
	Snapshot	active = GetActiveSnapshot();
	Slot	   *roster,
			   *sums,
			   *model,
			   *online;
	static const Slot none;
	const Slot *challenger = &none;
	bool		asks = decides && td_challenger_has_a_share();

	ready();
	if (asks != challenger_asked)
	{
		challenger_asked = asks;
		corrections.generation++;	/* what was told to it is there, too, or not */
	}
	roster = current(&agents, active);
	sums = current(&estimates, active);
	model = current(&models, active);
	online = current(&corrections, active);
	if (asks)
		challenger = current(&challengers, active);
	if (unlikely(roster->content != of_roster || sums->content != of_estimates ||
				 model->content != of_model || online->content != of_corrections ||
				 challenger->content != of_challenger || td_settings_generation != of_settings))
	{
		td_handle	next = 0;

		TD_CALL(td_scratch_reply(), router, roster->handle, (td_span) {sums->rows.data, sums->rows.len},
				model->handle, (td_span) {online->rows.data, online->rows.len}, challenger->handle, td_settings_span(), &next, td_scratch_reply());
		td_release(router);
		router = next;
		of_roster = roster->content;
		of_estimates = sums->content;
		of_model = model->content;
		of_corrections = online->content;
		of_challenger = challenger->content;
		of_settings = td_settings_generation;
	}
	return router;
}

/* The model that serves the present statement, or 0. */
td_handle
td_current_model(void)
{
	ready();
	return current(&models, GetActiveSnapshot())->handle;
}
