/*
 * decide: route's logged twin. It explores, records the decision with the
 * probability that it had, and returns its id.
 */
#include "tinydancer.h"

#include <time.h>

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

/*
 * Random bytes, drawn for some decisions at a time: asking OpenSSL costs 2 µs,
 * for eight bytes as for hundreds. What was handed out is wiped.
 */
static void
draw_random(unsigned char *to, int n)
{
	static unsigned char pool[512];
	static int	left = 0;

	if (left < n)
	{
		left = 0;
		if (!pg_strong_random(pool, sizeof(pool)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("tinydancer: no random bytes for a decision_id")));
		left = sizeof(pool);
	}
	left -= n;
	memcpy(to, pool + left, n);
	memset(pool + left, 0, n);
}

/*
 * A UUIDv7 (RFC 9562): 48 bits of milliseconds, version, 12 bits of what is
 * left of the millisecond, variant, 62 random bits. Within a session they go
 * up, if the clock does.
 */
static pg_uuid_t *
new_id(void)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	struct timespec now;
	uint64		ms;
	uint32		fraction;

	clock_gettime(CLOCK_REALTIME, &now);
	ms = (uint64) now.tv_sec * 1000 + now.tv_nsec / 1000000;
	fraction = (uint32) ((now.tv_nsec % 1000000) * UINT64CONST(4096) / 1000000);
	for (int i = 0; i < 6; i++)
		id->data[i] = (unsigned char) (ms >> (8 * (5 - i)));
	draw_random(id->data + 8, UUID_LEN - 8);
	id->data[6] = (unsigned char) (0x70 | (fraction >> 8));
	id->data[7] = (unsigned char) fraction;
	id->data[8] = (unsigned char) (0x80 | (id->data[8] & 0x3f));
	return id;
}

/* ---- the record ---- */

enum
{
	DECISION_ID, AGENT_ID, PROPENSITY, POLICY_VERSION, EXPLORED, OPTIMIZE_FOR, CONSTRAINTS, SESSION,
	EMBEDDING, ELIGIBLE, EXPECTED_QUALITY, ESTIMATED_COST, ESTIMATED_LATENCY, ROLE, COLUMNS
};

static void
insert_decision(Datum *values, const char *nulls)
{
	static SPIPlanPtr plan = NULL;

	if (plan == NULL)
	{
		static Oid	types[COLUMNS] = {
			UUIDOID, INT8OID, FLOAT8OID, INT8OID, BOOLOID, TEXTOID, JSONBOID, TEXTOID,
			FLOAT4ARRAYOID, INT8ARRAYOID, FLOAT8OID, FLOAT8OID, FLOAT8OID, NAMEOID
		};

		plan = SPI_prepare("INSERT INTO tinydancer.decisions VALUES"
						   " ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
						   COLUMNS, types);
		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "tinydancer: cannot prepare: %s", SPI_result_code_string(SPI_result));
	}
	if (SPI_execute_plan(plan, values, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "tinydancer: cannot record a decision");
}

/* What the tape of a decision begins with: values of columns, then jsonb. */
static Datum
next(td_tape *tape)
{
	bool		isnull;

	return td_tape_datum(tape, &isnull);
}

static ArrayType *
next_ids(td_tape *tape)
{
	int64		n = DatumGetInt64(next(tape));
	Datum	   *elements = palloc(n * sizeof(Datum));

	for (int64 i = 0; i < n; i++)
		elements[i] = next(tape);
	return construct_array(elements, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
}

#define MAX_SESSION 255

static void
check_session(text *session)
{
	int			n = VARSIZE_ANY_EXHDR(session);

	if (n == 0 || n > MAX_SESSION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("session: got %d bytes, want 1 to %d", n, MAX_SESSION),
				 errhint("NULL is a request on its own.")));
}

static Datum
decide(FunctionCallInfo fcinfo)
{
	td_reply   *reply = td_scratch_reply();
	td_request	request;
	td_tape		tape;
	Datum		values[COLUMNS],
				result;
	char		nulls[COLUMNS + 1];
	NameData	role;
	pg_uuid_t  *id = new_id();
	MemoryContext outer = CurrentMemoryContext;

	memset(nulls, ' ', COLUMNS);
	nulls[COLUMNS] = '\0';
	if (!PG_ARGISNULL(3))
		check_session(PG_GETARG_TEXT_PP(3));
	td_read_request(fcinfo, &request);
	request.decision_id = id->data;
	TD_CALL(reply, decide, &request, reply);
	if (reply->len == 0)
	{
		fcinfo->isnull = true;	/* "on_no_match": "null" */
		return (Datum) 0;
	}
	tape = (td_tape) {reply->data, reply->data + reply->len};

	values[DECISION_ID] = UUIDPGetDatum(id);
	values[AGENT_ID] = next(&tape);
	values[PROPENSITY] = next(&tape);
	values[POLICY_VERSION] = next(&tape);
	values[EXPLORED] = next(&tape);
	values[OPTIMIZE_FOR] = next(&tape);
	values[EXPECTED_QUALITY] = next(&tape);
	values[ESTIMATED_COST] = next(&tape);
	values[ESTIMATED_LATENCY] = next(&tape);
	values[ELIGIBLE] = PointerGetDatum(next_ids(&tape));
	values[EMBEDDING] = PG_GETARG_DATUM(0);
	for (int argument = 2; argument <= 3; argument++)
	{
		int			column = argument == 2 ? CONSTRAINTS : SESSION;

		values[column] = PG_ARGISNULL(argument) ? (Datum) 0 : PG_GETARG_DATUM(argument);
		if (PG_ARGISNULL(argument))
			nulls[column] = 'n';
	}
	namestrcpy(&role, GetUserNameFromId(td_caller_id(), false));
	values[ROLE] = NameGetDatum(&role);
	result = td_tape_jsonb(&tape);

	SPI_connect();
	insert_decision(values, nulls);
	SPI_finish();
	MemoryContextSwitchTo(outer);
	return result;
}

/* tinydancer.decide(embedding, optimize_for, constraints, session). */
PG_FUNCTION_INFO_V1(td_decide);
Datum
td_decide(PG_FUNCTION_ARGS)
{
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("ruvector_decide records its decision, which a standby cannot do"),
				 errhint("ruvector_route answers here, and records nothing.")));
	if (XactReadOnly)
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("ruvector_decide records its decision, which a read-only transaction cannot do"),
				 errhint("ruvector_route answers here, and records nothing.")));
	return td_as_owner(decide, fcinfo, td_owner_id());
}
