/*
 * Row security that is not as the registry functions need it: lost in a dump,
 * or of a form that they cannot apply.
 */
#include "tinydancer.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_proc.h"
#include "executor/tuptable.h"
#include "nodes/makefuncs.h"
#include "optimizer/clauses.h"
#include "rewrite/rowsecurity.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* ---- lost in a dump ---- */

/*
 * Whether tinydancer.row_security has a row. Kept until the table changes: its
 * trigger tells, as those of the tables in cache.c do.
 */
static uint64 changes = 1;
static Oid	relid = InvalidOid;

static void
relation_invalidated(Datum arg pg_attribute_unused(), Oid changed)
{
	if (changed == InvalidOid || changed == relid)
		changes++;
}

static bool
has_row(Oid table)
{
	Relation	rel = table_open(table, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	Snapshot	snapshot = RegisterSnapshot(GetCatalogSnapshot(table));
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	bool		found = table_scan_getnextslot(scan, ForwardScanDirection, slot);

	table_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, AccessShareLock);
	return found;
}

static bool
row_security_is_required(void)
{
	static bool registered = false;
	static bool required;
	static uint64 seen = 0;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(relation_invalidated, (Datum) 0);
		registered = true;
	}
	if (unlikely(seen != changes))
	{
		uint64		looking = changes;

		/* A library may be newer than the tables, which then have no such row. */
		relid = get_relname_relid("row_security", get_namespace_oid(TD_SCHEMA, false));
		required = OidIsValid(relid) && has_row(relid);
		seen = looking;
	}
	return required;
}

/*
 * pg_dump holds no policies of an extension's table, and does not say whether
 * row security is on. So a row that it does hold remembers that it was, and
 * nobody to whom policies would apply is served before they are there again.
 */
void
td_refuse_lost_policies(void)
{
	if (likely(!row_security_is_required()))
		return;
	if (has_bypassrls_privilege(td_caller_id()) ||
		has_privs_of_role(td_caller_id(), td_owner_id()))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("row security on table tinydancer.agents: got off, want on, as it was"),
			 errdetail("A dump does not hold the policies of an extension's table."),
			 errhint("An administrator creates the policies again and calls ruvector_restrict_rows(), "
					 "or ruvector_restrict_rows(false) if everybody may see every agent.")));
}

/* ---- of a form that cannot be applied ---- */

static bool
applies_to(RowSecurityPolicy *policy, Oid role)
{
	Oid		   *roles = (Oid *) ARR_DATA_PTR(policy->roles);

	for (int i = 0; i < ARR_DIMS(policy->roles)[0]; i++)
		if (roles[i] == ACL_ID_PUBLIC || has_privs_of_role(role, roles[i]))
			return true;
	return false;
}

/*
 * A parallel worker does not have what a policy may ask for that is not
 * parallel safe, such as the session's temporary tables: it would fail in a
 * place that tells nobody why, or let through other rows than the leader does.
 * The functions themselves are, which is all that the planner looks at.
 */
void
td_refuse_unsafe_policies(void)
{
	Relation	rel = table_open(td_agents_relid(), AccessShareLock);
	ListCell   *cell;

	foreach(cell, rel->rd_rsdesc ? rel->rd_rsdesc->policies : NIL)
	{
		RowSecurityPolicy *policy = lfirst(cell);
		Query	   *query = makeNode(Query);

		query->commandType = CMD_SELECT;
		query->jointree = makeFromExpr(NIL, (Node *) policy->qual);
		if ((policy->polcmd != '*' && policy->polcmd != ACL_SELECT_CHR) ||
			!applies_to(policy, td_caller_id()) || max_parallel_hazard(query) == PROPARALLEL_SAFE)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("row security policy \"%s\" on table tinydancer.agents: got functions that are not parallel safe in a parallel worker, want PARALLEL SAFE",
						policy->policy_name),
				 errhint("Mark what the policy calls PARALLEL SAFE if it is, or have the leader call ours: "
						 "ALTER FUNCTION ruvector_route PARALLEL RESTRICTED.")));
	}
	table_close(rel, AccessShareLock);
}

/*
 * tinydancer.refuse_partial_policies(): an error if the caller is about to
 * write under a policy that does not say the same of every command. The
 * functions write as the owner and know only which rows the caller sees.
 */
PG_FUNCTION_INFO_V1(td_refuse_partial_policies);
Datum
td_refuse_partial_policies(PG_FUNCTION_ARGS)
{
	Relation	rel;
	ListCell   *cell;

	if (!td_rows_are_restricted())
		PG_RETURN_VOID();
	rel = table_open(td_agents_relid(), AccessShareLock);
	foreach(cell, rel->rd_rsdesc ? rel->rd_rsdesc->policies : NIL)
	{
		RowSecurityPolicy *policy = lfirst(cell);
		bool		partial = policy->polcmd != '*';

		if (!partial && (policy->with_check_qual == NULL || equal(policy->qual, policy->with_check_qual)))
			continue;
		if (!applies_to(policy, td_caller_id()))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("row security policy \"%s\" on table tinydancer.agents: got one %s, want one FOR ALL with USING alone",
						policy->policy_name, partial ? "for some commands" : "whose WITH CHECK is not its USING"),
				 errhint("Under such policies the registry can be read, and outcomes reported, but agents not changed.")));
	}
	table_close(rel, AccessShareLock);
	PG_RETURN_VOID();
}
