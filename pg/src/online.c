/*
 * tinydancer.correct: an aggregate that hands outcomes over to Go, some thousand
 * at a time, and returns what becomes of the corrections of their agent.
 */
#include "tinydancer.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/uuid.h"

/* A few milliseconds of work, between which a cancel is noticed. */
#define CORRECT_STEP (256 * 1024)

/* Arguments of the transition function, after the state. */
enum
{
	WAS = 1, DECISION_ID, FEATURES, EXPECTED, OUTCOME, SUCCESS, RATED, TAKEN_BACK, NEW, NEAR
};

static void
put_float8(StringInfo out, float8 v)
{
	appendBinaryStringInfo(out, (char *) &v, sizeof(v));
}

/* Puts what Go has answered, or begins with: how many alarms, they, the state. */
static void
put_begin(StringInfo out, const char *numbers, int32 len)
{
	appendBinaryStringInfo(out, (char *) &len, sizeof(len));
	appendBinaryStringInfo(out, numbers, len);
}

static td_reply *
tell(StringInfo told)
{
	td_reply   *reply = td_scratch_reply();

	TD_CALL(reply, correct, (td_span) {told->data, told->len}, reply);
	return reply;
}

PG_FUNCTION_INFO_V1(td_correct_step);
Datum
td_correct_step(PG_FUNCTION_ARGS)
{
	MemoryContext context,
				before;
	StringInfo	told = PG_ARGISNULL(0) ? NULL : (StringInfo) PG_GETARG_POINTER(0);
	ArrayType  *features;
	int32		n;
	int64		flags;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "tinydancer.correct_step is of an aggregate");
	if (told == NULL)
	{
		float8		none = 0;

		before = MemoryContextSwitchTo(context);
		told = makeStringInfo();
		MemoryContextSwitchTo(before);
		if (PG_ARGISNULL(WAS))
			put_begin(told, "", 0);
		else
		{
			StringInfoData was;

			initStringInfo(&was);
			td_put_numbers(&was, PG_GETARG_ARRAYTYPE_P(WAS));
			n = was.len - sizeof(int32) + sizeof(none);
			appendBinaryStringInfo(told, (char *) &n, sizeof(n));
			put_float8(told, none);
			appendBinaryStringInfo(told, was.data + sizeof(int32), was.len - sizeof(int32));
			pfree(was.data);
		}
	}
	for (int i = DECISION_ID; i <= NEAR; i++)
		if (PG_ARGISNULL(i))
			PG_RETURN_POINTER(told);

	if (told->len > CORRECT_STEP)
	{
		td_reply   *reply = tell(told);

		resetStringInfo(told);
		put_begin(told, reply->data, reply->len);
		CHECK_FOR_INTERRUPTS();
	}
	appendBinaryStringInfo(told, (char *) PG_GETARG_UUID_P(DECISION_ID)->data, UUID_LEN);
	features = PG_GETARG_ARRAYTYPE_P(FEATURES);
	n = ARR_HASNULL(features) ? 0 : ArrayGetNItems(ARR_NDIM(features), ARR_DIMS(features)) * sizeof(float4);
	put_begin(told, ARR_DATA_PTR(features), n);
	put_float8(told, PG_GETARG_FLOAT8(EXPECTED));
	put_float8(told, PG_GETARG_FLOAT8(OUTCOME));
	flags = PG_GETARG_BOOL(SUCCESS) | PG_GETARG_BOOL(RATED) << 1 | PG_GETARG_BOOL(TAKEN_BACK) << 2 | PG_GETARG_BOOL(NEW) << 3 |
		PG_GETARG_BOOL(NEAR) << 4;
	appendBinaryStringInfo(told, (char *) &flags, sizeof(flags));
	PG_RETURN_POINTER(told);
}

PG_FUNCTION_INFO_V1(td_correct_end);
Datum
td_correct_end(PG_FUNCTION_ARGS)
{
	td_reply   *reply;
	int			n;
	Size		size;
	ArrayType  *array;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	reply = tell((StringInfo) PG_GETARG_POINTER(0));
	n = reply->len / sizeof(float8);
	size = ARR_OVERHEAD_NONULLS(1) + n * sizeof(float8);
	array = palloc0(size);
	SET_VARSIZE(array, size);
	array->ndim = 1;
	array->elemtype = FLOAT8OID;
	ARR_DIMS(array)[0] = n;
	ARR_LBOUND(array)[0] = 1;
	memcpy(ARR_DATA_PTR(array), reply->data, n * sizeof(float8));
	PG_RETURN_ARRAYTYPE_P(array);
}
