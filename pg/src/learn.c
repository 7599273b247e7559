/*
 * Learning from the log of decisions: reads it, hands it to Go, and waits for
 * what comes of it in short steps, so that a cancel is noticed.
 */
#include "tinydancer.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

/* How many decisions are read, and how many bytes handed over, at a time. */
#define LESSON_ROWS 200
#define WAIT_MS 10

static void
put_int64(StringInfo out, int64 v)
{
	appendBinaryStringInfo(out, (char *) &v, sizeof(v));
}

static void
put_float(StringInfo out, Datum value, bool isnull)
{
	float8		v = isnull ? get_float8_nan() : DatumGetFloat8(value);

	appendBinaryStringInfo(out, (char *) &v, sizeof(v));
}

/*
 * How many numbers an array holds side by side: none if one is NULL, of which
 * there is nothing. Columns may have been set by hand.
 */
static int32
items(ArrayType *array)
{
	return array_contains_nulls(array) ? 0 : ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

/* Columns of tinydancer.lessons(). */
enum
{
	AGENT_ID = 1, PROPENSITY, OUTCOME, COST_USD, LATENCY_MS, ELIGIBLE, EMBEDDING,
	SESSION, SEEN, DECISION_ID, PREVIOUS, HEARD, REQUEST
};

/* Which turn of a session a decision is: cmd/libtinydancer/school_sessions.go. */
static void
put_session(StringInfo out, HeapTuple row, TupleDesc desc)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, desc, SESSION, &isnull);
	int32		n = 0;

	put_int64(out, isnull ? 0 : DatumGetInt64(value));
	put_int64(out, DatumGetBool(SPI_getbinval(row, desc, SEEN, &isnull)));
	value = SPI_getbinval(row, desc, DECISION_ID, &isnull);
	appendBinaryStringInfo(out, (char *) DatumGetUUIDP(value)->data, UUID_LEN);
	value = SPI_getbinval(row, desc, PREVIOUS, &isnull);
	if (!isnull)
		n = UUID_LEN;
	appendBinaryStringInfo(out, (char *) &n, sizeof(n));
	if (n > 0)
		appendBinaryStringInfo(out, (char *) DatumGetUUIDP(value)->data, UUID_LEN);
	value = SPI_getbinval(row, desc, HEARD, &isnull);
	n = 0;
	if (!isnull)
	{
		ArrayType  *array = DatumGetArrayTypeP(value);

		n = items(array);
		appendBinaryStringInfo(out, (char *) &n, sizeof(n));
		appendBinaryStringInfo(out, ARR_DATA_PTR(array), n * sizeof(float8));
	}
	else
		appendBinaryStringInfo(out, (char *) &n, sizeof(n));
}

static void
put_lesson(StringInfo out, HeapTuple row, TupleDesc desc)
{
	bool		isnull;
	Datum		value;
	ArrayType  *array;
	text	   *words;
	int32		n;

	put_int64(out, DatumGetInt64(SPI_getbinval(row, desc, AGENT_ID, &isnull)));
	for (int column = PROPENSITY; column <= LATENCY_MS; column++)
	{
		value = SPI_getbinval(row, desc, column, &isnull);
		put_float(out, value, isnull);
	}
	array = DatumGetArrayTypeP(SPI_getbinval(row, desc, ELIGIBLE, &isnull));
	n = items(array);
	appendBinaryStringInfo(out, (char *) &n, sizeof(n));
	appendBinaryStringInfo(out, ARR_DATA_PTR(array), n * sizeof(int64));
	value = SPI_getbinval(row, desc, EMBEDDING, &isnull);
	n = 0;						/* of another space than the one in force */
	if (!isnull)
	{
		array = DatumGetArrayTypeP(value);
		n = items(array) * sizeof(float4);
	}
	appendBinaryStringInfo(out, (char *) &n, sizeof(n));
	if (n > 0)
		appendBinaryStringInfo(out, ARR_DATA_PTR(array), n);
	put_session(out, row, desc);
	value = SPI_getbinval(row, desc, REQUEST, &isnull);
	words = isnull ? NULL : DatumGetTextPP(value);
	n = words ? VARSIZE_ANY_EXHDR(words) : 0;
	appendBinaryStringInfo(out, (char *) &n, sizeof(n));
	if (n > 0)
		appendBinaryStringInfo(out, VARDATA_ANY(words), n);
}

static void
read_lessons(td_handle school, int decisions, bool fit, int64 space)
{
	Oid			types[] = {INT4OID, BOOLOID, INT8OID};
	Datum		values[] = {Int32GetDatum(decisions), BoolGetDatum(fit), Int64GetDatum(space)};
	SPIPlanPtr	plan = SPI_prepare("SELECT * FROM tinydancer.lessons($1, $2, $3)", 3, types);
	Portal		portal;
	MemoryContext rows = AllocSetContextCreate(CurrentMemoryContext, "tinydancer lessons", ALLOCSET_DEFAULT_SIZES);

	if (plan == NULL)
		elog(ERROR, "tinydancer: cannot prepare: %s", SPI_result_code_string(SPI_result));
	portal = SPI_cursor_open(NULL, plan, values, NULL, true);
	for (;;)
	{
		MemoryContext before;
		StringInfo	out;

		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, LESSON_ROWS);
		if (SPI_processed == 0)
			break;
		before = MemoryContextSwitchTo(rows);
		out = makeStringInfo();
		for (uint64 i = 0; i < SPI_processed; i++)
			put_lesson(out, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
		TD_CALL(td_scratch_reply(), school_rows, school, (td_span) {out->data, out->len}, td_scratch_reply());
		MemoryContextSwitchTo(before);
		MemoryContextReset(rows);
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	MemoryContextDelete(rows);
}

/* tinydancer.train(decisions, seed, attempt, fit_embedder, lean): one row of what was learned. */
PG_FUNCTION_INFO_V1(td_train);
Datum
td_train(PG_FUNCTION_ARGS)
{
	td_reply   *reply = td_scratch_reply();
	volatile td_handle school = 0;
	td_handle	router,
				opened = 0;
	bool		fit = PG_GETARG_BOOL(3);
	int64		space = 0;
	ErrorContextCallback *context = error_context_stack;

	/* What a caller is told is not buried under the functions on the way. */
	error_context_stack = NULL;
	router = td_current_router();
	TD_CALL(reply, school_open, router, fit, &space, &opened, reply);
	school = opened;
	PG_TRY();
	{
		int64		progress = 0;

		SPI_connect();
		read_lessons(school, PG_GETARG_INT32(0), fit, space);
		SPI_finish();
		TD_CALL(reply, school_begin, school, PG_GETARG_INT64(1), PG_GETARG_INT64(2), PG_GETARG_BOOL(4), reply);
		while (progress < 1000)
		{
			CHECK_FOR_INTERRUPTS();
			TD_CALL(reply, school_wait, school, WAIT_MS, &progress, reply);
		}
		TD_CALL(reply, school_result, school, reply);
		td_put_rows(td_begin_rows(fcinfo), (td_tape) {reply->data, reply->data + reply->len});
	}
	PG_FINALLY();
	{
		td_release(school);
	}
	PG_END_TRY();
	error_context_stack = context;
	return (Datum) 0;
}
