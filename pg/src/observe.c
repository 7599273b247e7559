/*
 * update_agent_metrics: one INSERT by a kept plan, and now and then a fold.
 *
 * The fold runs at the end of the transaction, so that the lock it takes is
 * held no longer than the commit lasts, and one fold covers all observations
 * of the transaction.
 */
#include "tinydancer.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* Whether this transaction has made observations. */
static bool observed = false;

/* Whether committed ones of this session are not published yet. */
static bool unpublished = false;

/* The longest latency that may be reported, in milliseconds: 31 years. */
#define MAX_LATENCY_MS 1e12

/*
 * A session may publish a few times in a row, so that somebody at a prompt
 * sees what he did, and then once an interval. What it leaves is published by
 * the next that may.
 */
#define PUBLISH_BURST 10

static bool
may_publish(void)
{
	static double credit = PUBLISH_BURST;
	static TimestampTz last = 0;
	TimestampTz now = GetCurrentTimestamp();
	double		interval = td_publish_interval_ms * 1000.0;
	double		passed = Max(0, now - last);	/* a clock may be set back */

	credit = interval > 0 ? Min(PUBLISH_BURST, credit + passed / interval) : PUBLISH_BURST;
	last = now;
	if (credit < 1)
		return false;
	credit -= 1;
	return true;
}

/*
 * Triggers that somebody has put on the tables and deferred to the end of the
 * transaction would never fire: PostgreSQL has fired the deferred ones by now.
 */
static void
fire_triggers_at_once(void)
{
	ConstraintsSetStmt *all = makeNode(ConstraintsSetStmt);

	AfterTriggerSetState(all);
}

/* Returns false if another session is folding. */
static bool
fold(void)
{
	static SPIPlanPtr plan = NULL;
	Oid			user;
	int			context;
	bool		busy;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(td_owner_id(), context | SECURITY_LOCAL_USERID_CHANGE);
	PushActiveSnapshot(GetTransactionSnapshot());
	fire_triggers_at_once();
	SPI_connect();
	if (plan == NULL)
	{
		plan = SPI_prepare("SELECT tinydancer.fold(with_own => true, wait => false)", 0, NULL);
		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "tinydancer: cannot prepare: %s", SPI_result_code_string(SPI_result));
	}
	if (SPI_execute_plan(plan, NULL, NULL, false, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "tinydancer: cannot fold");
	SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &busy);
	SPI_finish();
	PopActiveSnapshot();
	SetUserIdAndSecContext(user, context);
	return !busy;
}

/*
 * Folds before the commit. An error in the fold must not take the user's
 * transaction down: the observations stay in the tail, until there are others
 * to publish. Returns false if it is worth trying again at the next commit.
 */
static bool
publish(void)
{
	volatile bool done = true;
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(memory);
	PG_TRY();
	{
		done = fold();
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(memory);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(memory);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(memory);
		CurrentResourceOwner = owner;
		ereport(LOG,
				(errmsg("tinydancer: observations were not published: %s", error->message)));
		FreeErrorData(error);
	}
	PG_END_TRY();
	return done;
}

/*
 * A session that was not let to publish its last observations does so at the
 * end of a later transaction, whatever that was about, if it may write.
 */
static void
transaction_ends(XactEvent event, void *arg pg_attribute_unused())
{
	static bool left;

	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			left = unpublished || observed;
			/* Under a fixed snapshot the watermark could not be read anew. */
			if (left && !XactReadOnly && !IsolationUsesXactSnapshot() && may_publish())
				left = !publish();
			break;
		case XACT_EVENT_COMMIT:
			unpublished = left;
			observed = false;
			break;
		case XACT_EVENT_PREPARE:
			unpublished |= observed;	/* COMMIT PREPARED may be next */
			observed = false;
			break;
		case XACT_EVENT_ABORT:
			observed = false;
			break;
		default:
			break;
	}
}

/* A number as SQL shows it, of which no digit is lost. */
static const char *
shortest(double v)
{
	return DatumGetCString(DirectFunctionCall1(float8out, Float8GetDatum(v)));
}

/* As tinydancer.check_number does: what is next to nothing is nothing. */
static double
checked(FunctionCallInfo fcinfo, int argument, const char *name, double highest)
{
	double		v;

	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s: got NULL, want a number", name)));
	v = PG_GETARG_FLOAT8(argument);
	if (!(v >= 0 && v <= highest))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: got %s, want a number from 0 to %.0f", name, shortest(v), highest)));
	return v < 1e-100 ? 0 : v;
}

static void
unknown_agent(Datum name)
{
	Oid			types[] = {TEXTOID};

	SPI_execute_with_args("SELECT tinydancer.unknown_agent($1)", 1, types, &name, " ", true, 0);
	elog(ERROR, "tinydancer: unknown agent");	/* not reached */
}

static Datum
append(FunctionCallInfo fcinfo)
{
	static SPIPlanPtr plan = NULL;
	Datum		values[4];
	char		nulls[] = "    ";

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("agent name: got NULL, want text")));
	values[0] = PG_GETARG_DATUM(0);
	values[1] = Float8GetDatum(checked(fcinfo, 1, "latency_ms", MAX_LATENCY_MS));
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("success: got NULL, want true or false")));
	values[2] = PG_GETARG_DATUM(2);
	if (PG_ARGISNULL(3))
	{
		values[3] = (Datum) 0;
		nulls[3] = 'n';
	}
	else
		values[3] = Float8GetDatum(checked(fcinfo, 3, "quality", 1));

	SPI_connect();
	if (plan == NULL)
	{
		Oid			types[] = {TEXTOID, FLOAT8OID, BOOLOID, FLOAT8OID};

		plan = SPI_prepare("INSERT INTO tinydancer.observations (agent_id, latency_ms, success, quality)"
						   " SELECT a.id, $2, $3, $4 FROM tinydancer.agents a"
						   "  WHERE a.name OPERATOR(pg_catalog.=) $1 AND a.removed_at IS NULL"
						   "    AND tinydancer.is_visible(a.id)",
						   4, types);
		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "tinydancer: cannot prepare: %s", SPI_result_code_string(SPI_result));
	}
	if (SPI_execute_plan(plan, values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "tinydancer: cannot insert an observation");
	if (SPI_processed == 0)
		unknown_agent(values[0]);
	SPI_finish();
	return BoolGetDatum(true);
}

/* Remembers that this transaction has something to publish. */
static void
publish_at_commit(void)
{
	static bool registered = false;

	if (!registered)
	{
		RegisterXactCallback(transaction_ends, NULL);
		registered = true;
	}
	observed = true;
}

PG_FUNCTION_INFO_V1(td_update_agent_metrics);
Datum
td_update_agent_metrics(PG_FUNCTION_ARGS)
{
	Datum		result = td_as_owner(append, fcinfo, td_owner_id());

	publish_at_commit();
	return result;
}

/* tinydancer.told(): feedback was inserted. */
PG_FUNCTION_INFO_V1(td_told);
Datum
td_told(PG_FUNCTION_ARGS)
{
	publish_at_commit();
	PG_RETURN_VOID();
}
