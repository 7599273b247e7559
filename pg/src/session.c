/*
 * Sessions. What is remembered of one lies with its decisions: each holds the
 * hidden state after it, so that the next goes on from there, whatever rolls
 * back, crashes or is restored. A session belongs to the role that decides.
 */
#include "tinydancer.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#define MAX_SESSION 255

/* Columns of the query below. */
enum
{
	DECISION_ID = 1, AGENT_ID, POLICY_VERSION, STATE, KNOWN, OUTCOME, LATENCY, COST
};

void
td_check_session(text *session)
{
	int			n = VARSIZE_ANY_EXHDR(session);

	if (n == 0 || n > MAX_SESSION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("session: got %d bytes, want 1 to %d", n, MAX_SESSION),
				 errhint("NULL is a request on its own.")));
}

/* The milliseconds that a UUIDv7 begins with. */
static int64
milliseconds(const pg_uuid_t *id)
{
	int64		ms = 0;

	for (int i = 0; i < 6; i++)
		ms = ms << 8 | id->data[i];
	return ms;
}

static SPIPlanPtr
last_turn_plan(void)
{
	static SPIPlanPtr plan = NULL;
	Oid			types[] = {TEXTOID, NAMEOID, UUIDOID};

	if (plan == NULL)
	{
		plan = SPI_prepare("SELECT o.decision_id, o.agent_id, o.policy_version, o.state,"
						   "       COALESCE(o.quality, CASE WHEN o.success THEN 1 WHEN NOT o.success THEN 0 END) IS NOT NULL,"
						   "       COALESCE(o.quality, CASE WHEN o.success THEN 1 ELSE 0 END::pg_catalog.float8),"
						   "       COALESCE(o.latency_ms, 0), COALESCE(o.cost_usd, 0)"
						   "  FROM tinydancer.outcomes o"
						   " WHERE o.session OPERATOR(pg_catalog.=) $1 AND o.role OPERATOR(pg_catalog.=) $2"
						   "   AND o.decision_id OPERATOR(pg_catalog.>) $3"
						   " ORDER BY o.decision_id DESC LIMIT 1", lengthof(types), types);
		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "tinydancer: cannot prepare: %s", SPI_result_code_string(SPI_result));
	}
	return plan;
}

/* Hands the last turn over to Go, in memory of the caller. */
static void
take_turn(HeapTuple row, TupleDesc desc, const pg_uuid_t *id, td_request *request, td_turn *turn)
{
	bool		isnull;
	Datum		state;

	turn->previous = *DatumGetUUIDP(SPI_getbinval(row, desc, DECISION_ID, &isnull));
	request->last_agent = DatumGetInt64(SPI_getbinval(row, desc, AGENT_ID, &isnull));
	request->state_version = DatumGetInt64(SPI_getbinval(row, desc, POLICY_VERSION, &isnull));
	turn->heard[0] = DatumGetBool(SPI_getbinval(row, desc, KNOWN, &isnull)) ? 1 : 0;
	turn->heard[1] = DatumGetFloat8(SPI_getbinval(row, desc, OUTCOME, &isnull));
	turn->heard[2] = DatumGetFloat8(SPI_getbinval(row, desc, LATENCY, &isnull));
	turn->heard[3] = DatumGetFloat8(SPI_getbinval(row, desc, COST, &isnull));
	turn->heard[4] = Max(0, milliseconds(id) - milliseconds(&turn->previous)) / 1000.0;
	state = SPI_getbinval(row, desc, STATE, &isnull);
	if (!isnull)
	{
		ArrayType  *array = DatumGetArrayTypeP(state);
		int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
		float4	   *copy = SPI_palloc(n * sizeof(float4));

		if (ARR_HASNULL(array))
			n = 0;
		memcpy(copy, ARR_DATA_PTR(array), n * sizeof(float4));
		request->state = copy;
		request->nstate = n;
	}
	request->heard = turn->heard;
	turn->found = true;
}

/*
 * Finds the last turn of a session within tinydancer.session_timeout, and what
 * is known of how it went; without one, the decision begins the session.
 */
void
td_continue_session(text *session, NameData *role, const pg_uuid_t *id, td_request *request, td_turn *turn)
{
	pg_uuid_t	oldest;
	int64		ms = Max(0, milliseconds(id) - (int64) td_session_timeout_s * 1000);
	Datum		values[] = {PointerGetDatum(session), NameGetDatum(role), UUIDPGetDatum(&oldest)};

	memset(&oldest, 0, sizeof(oldest));
	for (int i = 0; i < 6; i++)
		oldest.data[i] = (unsigned char) (ms >> (8 * (5 - i)));
	request->in_session = 1;
	turn->found = false;
	SPI_connect();
	/* Not read-only: a new snapshot sees the turns of the running statement. */
	if (SPI_execute_plan(last_turn_plan(), values, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "tinydancer: cannot read a session");
	if (SPI_processed > 0)
		take_turn(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, id, request, turn);
	SPI_finish();
}
