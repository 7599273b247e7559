/*
 * route, route_batch, route_table and explain.
 */
#include "tinydancer.h"

#include "access/parallel.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/tuplestore.h"

#define MAX_CONSTRAINTS (64 * 1024)

static void
refuse_null(const char *argument, const char *want, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s: got NULL, want %s", argument, want),
			 errhint("%s", hint)));
}

/* The arguments that these functions and decide share: embedding, target, constraints. */
void
td_read_request(FunctionCallInfo fcinfo, td_request *request)
{
	if (PG_ARGISNULL(0))
		refuse_null("request embedding", "an array of numbers",
					"Does the row that it was selected from exist, and has it been embedded?");
	td_read_request_of(fcinfo, PG_GETARG_ARRAYTYPE_P(0), request);
}

/* The same with an embedding that was made of a text. */
void
td_read_request_of(FunctionCallInfo fcinfo, ArrayType *embedding, td_request *request)
{
	memset(request, 0, sizeof(*request));
	if (PG_ARGISNULL(1))
		refuse_null("optimize_for", "one of balanced, cost, latency, quality",
					"Leave the argument out for 'balanced'.");

	request->embedding = td_read_embedding("request embedding", embedding,
										   &request->steps, &request->dimension);
	request->target = (td_span) {VARDATA_ANY(PG_GETARG_TEXT_PP(1)), VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(1))};
	if (!PG_ARGISNULL(2))
	{
		Jsonb	   *json = PG_GETARG_JSONB_P(2);
		char	   *text;

		if (VARSIZE(json) > MAX_CONSTRAINTS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("constraints: got %lld bytes, want at most %d",
							(long long) VARSIZE(json), MAX_CONSTRAINTS)));
		text = JsonbToCString(NULL, &json->root, VARSIZE(json));
		request->constraints = (td_span) {text, strlen(text)};
	}
	if (unlikely(td_rows_are_restricted()))
	{
		int			n;

		if (IsParallelWorker())
			td_refuse_unsafe_policies();
		request->visible = td_visible_ids(&n);
		request->nvisible = n;
	}
	CHECK_FOR_INTERRUPTS();
	/* Last: a policy that routes, too, may have made another. */
	request->router = td_current_router();
}

static td_tape
answer(td_reply *reply)
{
	return (td_tape) {reply->data, reply->data + reply->len};
}

PG_FUNCTION_INFO_V1(td_route);
Datum
td_route(PG_FUNCTION_ARGS)
{
	td_reply   *reply = td_scratch_reply();
	td_request	request;
	td_tape		tape;

	td_read_request(fcinfo, &request);
	TD_CALL(reply, route, &request, reply);
	if (reply->len == 0)
		PG_RETURN_NULL();		/* "on_no_match": "null" */
	tape = answer(reply);
	PG_RETURN_DATUM(td_tape_jsonb(&tape));
}

ReturnSetInfo *
td_begin_rows(FunctionCallInfo fcinfo)
{
#if PG_VERSION_NUM >= 150000
	InitMaterializedSRF(fcinfo, 0);
#else
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext before;
	TupleDesc	desc;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) || !(rsinfo->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("materialize mode required, but it is not allowed in this context")));
	before = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setDesc = CreateTupleDescCopy(desc);
	rsinfo->setResult = tuplestore_begin_heap(rsinfo->allowedModes & SFRM_Materialize_Random, false, work_mem);
	MemoryContextSwitchTo(before);
#endif
	return (ReturnSetInfo *) fcinfo->resultinfo;
}

/* Puts the rows of a tape into the result. */
void
td_put_rows(ReturnSetInfo *rows, td_tape tape)
{
	int			natts = rows->setDesc->natts;
	Datum	   *values = palloc(natts * sizeof(Datum));
	bool	   *nulls = palloc(natts * sizeof(bool));

	while (tape.at < tape.end)
	{
		tape.at++;				/* r */
		for (int i = 0; i < natts; i++)
			values[i] = td_tape_datum(&tape, &nulls[i]);
		tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
		CHECK_FOR_INTERRUPTS();
	}
}

PG_FUNCTION_INFO_V1(td_route_batch);
Datum
td_route_batch(PG_FUNCTION_ARGS)
{
	td_reply   *reply = td_scratch_reply();
	td_request	all,
				one;
	ReturnSetInfo *rows;
	int64		n;
	MemoryContext row_context,
				before;

	td_read_request(fcinfo, &all);
	rows = td_begin_rows(fcinfo);
	n = Max(1, all.steps);		/* a single embedding is a batch of one */
	row_context = AllocSetContextCreate(CurrentMemoryContext, "tinydancer batch", ALLOCSET_DEFAULT_SIZES);
	for (int64 i = 0; i < n; i++)
	{
		Datum		values[2];
		bool		nulls[2] = {false, false};

		CHECK_FOR_INTERRUPTS();
		before = MemoryContextSwitchTo(row_context);
		one = all;
		one.steps = 0;
		one.embedding = all.embedding + i * all.dimension;
		TD_CALL(reply, route, &one, reply);
		values[0] = Int32GetDatum((int32) i + 1);
		nulls[1] = reply->len == 0;
		if (!nulls[1])
		{
			td_tape		tape = answer(reply);

			values[1] = td_tape_jsonb(&tape);
		}
		tuplestore_putvalues(rows->setResult, rows->setDesc, values, nulls);
		MemoryContextSwitchTo(before);
		MemoryContextReset(row_context);
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(td_route_table);
Datum
td_route_table(PG_FUNCTION_ARGS)
{
	td_reply   *reply = td_scratch_reply();
	td_request	request;

	td_read_request(fcinfo, &request);
	request.as_rows = 1;
	TD_CALL(reply, route, &request, reply);
	td_put_rows(td_begin_rows(fcinfo), answer(reply));
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(td_explain);
Datum
td_explain(PG_FUNCTION_ARGS)
{
	static td_handle explanations = 0;	/* of the last call, if an error ended it */
	td_reply   *reply = td_scratch_reply();
	td_request	request;
	ReturnSetInfo *rows;

	td_release(explanations);
	explanations = 0;
	td_read_request(fcinfo, &request);
	TD_CALL(reply, explain, &request, &explanations, reply);
	rows = td_begin_rows(fcinfo);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		TD_CALL(reply, explain_rows, explanations, reply);
		if (reply->len == 0)
			break;
		td_put_rows(rows, answer(reply));
	}
	td_release(explanations);
	explanations = 0;
	return (Datum) 0;
}
