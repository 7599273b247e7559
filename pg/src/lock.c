/*
 * Locks of our own: advisory ones could be taken, and kept, by anybody.
 */
#include "tinydancer.h"

#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "storage/lock.h"

/*
 * tinydancer.lock(what, wait): locks a function of ours until the transaction
 * ends, as something to be in alone. Calls of it do not lock it, so nobody who
 * just calls has to wait; only an owner's DDL does. Returns false if another
 * has it and wait is false.
 */
PG_FUNCTION_INFO_V1(td_lock);
Datum
td_lock(PG_FUNCTION_ARGS)
{
	LOCKTAG		tag;

	PreventCommandDuringRecovery("a change of agents or metrics");
	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, ProcedureRelationId, PG_GETARG_OID(0), 0);
	PG_RETURN_BOOL(LockAcquire(&tag, ExclusiveLock, false, !PG_GETARG_BOOL(1)) != LOCKACQUIRE_NOT_AVAIL);
}
