/*
 * Who calls, and what he may see.
 *
 * The registry functions run as the owner of the tables, so that EXECUTE is
 * the only right that a caller needs. PostgreSQL's SECURITY DEFINER does that,
 * too, and forgets for whom; a policy of row security on tinydancer.agents
 * could then not be applied. td_call remembers.
 */
#include "tinydancer.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#define PREFIX "ruvector_"

/* For whom the owner's functions run; InvalidOid outside of td_call. */
static Oid	caller = InvalidOid;

Oid
td_caller_id(void)
{
	return OidIsValid(caller) ? caller : GetUserId();
}

Oid
td_owner_id(void)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(td_agents_relid()));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for table tinydancer.agents");
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/* What a door leads to. */
typedef struct Door
{
	FmgrInfo	inner;
	Oid			owner;
} Door;

static Door *
find_door(FmgrInfo *outer)
{
	Door	   *door = MemoryContextAllocZero(outer->fn_mcxt, sizeof(Door));
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(outer->fn_oid));
	Form_pg_proc proc;
	const char *name;
	Oid			inner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", outer->fn_oid);
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	name = NameStr(proc->proname);
	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		elog(ERROR, "function %s is not a door", name);
	inner = LookupFuncName(list_make2(makeString(TD_SCHEMA), makeString(pstrdup(name + strlen(PREFIX)))),
						   proc->pronargs, proc->proargtypes.values, false);
	ReleaseSysCache(tuple);

	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(inner));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", inner);
	door->owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	ReleaseSysCache(tuple);
	fmgr_info_cxt(inner, &door->inner, outer->fn_mcxt);
	door->inner.fn_expr = outer->fn_expr;
	return door;
}

/* Runs body as the owner, for whom it was called until then. */
Datum
td_as_owner(Datum (*body) (FunctionCallInfo), FunctionCallInfo fcinfo, Oid owner)
{
	Oid			user,
				before = caller;
	int			context;
	Datum		result;

	GetUserIdAndSecContext(&user, &context);
	if (!OidIsValid(caller))
		caller = user;
	SetUserIdAndSecContext(owner, context | SECURITY_LOCAL_USERID_CHANGE);
	PG_TRY();
	{
		result = body(fcinfo);
	}
	PG_FINALLY();
	{
		caller = before;
	}
	PG_END_TRY();
	SetUserIdAndSecContext(user, context);
	return result;
}

static Datum
call_inner(FunctionCallInfo fcinfo)
{
	FmgrInfo   *outer = fcinfo->flinfo;
	Datum		result;

	fcinfo->flinfo = &((Door *) outer->fn_extra)->inner;
	PG_TRY();
	{
		result = FunctionCallInvoke(fcinfo);
	}
	PG_FINALLY();
	{
		fcinfo->flinfo = outer;
	}
	PG_END_TRY();
	return result;
}

PG_FUNCTION_INFO_V1(td_call);
Datum
td_call(PG_FUNCTION_ARGS)
{
	FmgrInfo   *outer = fcinfo->flinfo;

	if (outer->fn_extra == NULL)
		outer->fn_extra = find_door(outer);
	return td_as_owner(call_inner, fcinfo, ((Door *) outer->fn_extra)->owner);
}

/* tinydancer.caller(): the role for whom a function of ours runs. */
PG_FUNCTION_INFO_V1(td_caller);
Datum
td_caller(PG_FUNCTION_ARGS)
{
	Name		name = palloc0(NAMEDATALEN);

	namestrcpy(name, GetUserNameFromId(td_caller_id(), false));
	PG_RETURN_NAME(name);
}

/* Whether row security on agents applies to the caller. */
bool
td_rows_are_restricted(void)
{
	if (check_enable_rls(td_agents_relid(), td_caller_id(), true) == RLS_ENABLED)
		return true;
	td_refuse_lost_policies();
	return false;
}

/*
 * The ids of the agents that the caller may see, under the active snapshot:
 * all of them, or *id if it is among them. Asked anew at every call: a policy
 * may depend on anything, a setting among it, so that no answer is good for
 * the next call.
 */
static int64 *
ask_as_caller(const int64 *id, int *count)
{
	static const char *const queries[] = {
		"SELECT id FROM tinydancer.agents",
		"SELECT id FROM tinydancer.agents WHERE id OPERATOR(pg_catalog.=) $1",
	};
	static SPIPlanPtr plans[lengthof(queries)];
	int			which = id != NULL;
	MemoryContext result_context = CurrentMemoryContext;
	Datum		value = id ? Int64GetDatum(*id) : (Datum) 0;
	Oid			user;
	int			context;
	int64	   *ids;

	GetUserIdAndSecContext(&user, &context);
	SetUserIdAndSecContext(td_caller_id(), context | SECURITY_LOCAL_USERID_CHANGE);
	SPI_connect();
	if (plans[which] == NULL)
	{
		Oid			types[] = {INT8OID};
		SPIPlanPtr	plan = SPI_prepare(queries[which], which, types);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "tinydancer: cannot prepare: %s", SPI_result_code_string(SPI_result));
		plans[which] = plan;
	}
	if (SPI_execute_plan(plans[which], &value, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "tinydancer: cannot read the visible agents");
	*count = (int) SPI_processed;
	ids = MemoryContextAlloc(result_context, Max(1, *count) * sizeof(int64));
	for (int i = 0; i < *count; i++)
	{
		bool		isnull;

		ids[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	}
	SPI_finish();
	SetUserIdAndSecContext(user, context);
	return ids;
}

int64 *
td_visible_ids(int *count)
{
	return ask_as_caller(NULL, count);
}

/* tinydancer.is_restricted(): whether row security applies to the caller. */
PG_FUNCTION_INFO_V1(td_is_restricted);
Datum
td_is_restricted(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(td_rows_are_restricted());
}

/* tinydancer.is_visible(id): whether the caller may see an agent. */
PG_FUNCTION_INFO_V1(td_is_visible);
Datum
td_is_visible(PG_FUNCTION_ARGS)
{
	int64		id = PG_GETARG_INT64(0);
	int			count;

	if (!td_rows_are_restricted())
		PG_RETURN_BOOL(true);
	pfree(ask_as_caller(&id, &count));
	PG_RETURN_BOOL(count > 0);
}

/*
 * tinydancer.visible_ids(): the agents that the caller may see. One query for
 * all of them, where is_visible would be one for each.
 */
PG_FUNCTION_INFO_V1(td_visible_ids_array);
Datum
td_visible_ids_array(PG_FUNCTION_ARGS)
{
	int			count;
	int64	   *ids = td_visible_ids(&count);
	Datum	   *elements = palloc(Max(1, count) * sizeof(Datum));

	for (int i = 0; i < count; i++)
		elements[i] = Int64GetDatum(ids[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
