/*
 * What embeddings and models must agree about, asked before one of them is
 * written.
 */
#include "tinydancer.h"

#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

/*
 * tinydancer.dimension_besides(id): how many dimensions the embeddings of the
 * other agents have, NULL if none has one. As of now, and not as of the
 * transaction's snapshot: under REPEATABLE READ that would not show what
 * others have committed, and two transactions could set two dimensions.
 */
PG_FUNCTION_INFO_V1(td_dimension_besides);
Datum
td_dimension_besides(PG_FUNCTION_ARGS)
{
	static SPIPlanPtr plan = NULL;
	Datum		id = PG_ARGISNULL(0) ? (Datum) 0 : PG_GETARG_DATUM(0);
	char		nulls[] = {PG_ARGISNULL(0) ? 'n' : ' ', '\0'};
	bool		none = true;
	Datum		dimension = (Datum) 0;

	SPI_connect();
	if (plan == NULL)
	{
		Oid			types[] = {INT8OID};

		plan = SPI_prepare("SELECT pg_catalog.cardinality(a.embedding) FROM tinydancer.agents a"
						   " WHERE a.removed_at IS NULL AND a.embedding IS NOT NULL"
						   "   AND (a.id OPERATOR(pg_catalog.=) $1) IS NOT TRUE LIMIT 1", 1, types);
		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "tinydancer: cannot prepare: %s", SPI_result_code_string(SPI_result));
	}
	if (SPI_execute_snapshot(plan, &id, nulls, GetLatestSnapshot(), InvalidSnapshot, true, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "tinydancer: cannot read the dimension");
	if (SPI_processed > 0)
		dimension = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &none);
	SPI_finish();
	if (none)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(dimension);
}

/*
 * tinydancer.space_now(): the name of the embedder in force, NULL without one.
 * As of now, like dimension_besides: an embedding that is made by the
 * transaction's snapshot may be of another space.
 */
PG_FUNCTION_INFO_V1(td_space_now);
Datum
td_space_now(PG_FUNCTION_ARGS)
{
	static SPIPlanPtr plan = NULL;
	MemoryContext outer = CurrentMemoryContext;
	text	   *name = NULL;

	SPI_connect();
	if (plan == NULL)
	{
		plan = SPI_prepare("SELECT m.embedder_name FROM tinydancer.models m"
						   " WHERE m.state OPERATOR(pg_catalog.=) 'serving'", 0, NULL);
		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "tinydancer: cannot prepare: %s", SPI_result_code_string(SPI_result));
	}
	if (SPI_execute_snapshot(plan, NULL, NULL, GetLatestSnapshot(), InvalidSnapshot, true, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "tinydancer: cannot read the embedder in force");
	if (SPI_processed > 0)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
		MemoryContext inner = MemoryContextSwitchTo(outer);

		name = DatumGetTextPCopy(value);
		MemoryContextSwitchTo(inner);
	}
	SPI_finish();
	if (name == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(name);
}

/*
 * tinydancer.check_model(version, dimensions, embedder_name, model, embedder):
 * an error, unless the model can be read and reads what the embedder makes.
 */
PG_FUNCTION_INFO_V1(td_check_model);
Datum
td_check_model(PG_FUNCTION_ARGS)
{
	td_reply   *reply = td_scratch_reply();
	td_handle	model = 0;
	text	   *name;
	bytea	   *m,
			   *e;
	td_model_row all;

	for (int argument = 0; argument < 4; argument++)
		if (PG_ARGISNULL(argument))
			PG_RETURN_NULL();
	name = PG_GETARG_TEXT_PP(2);
	m = PG_GETARG_BYTEA_PP(3);
	e = PG_ARGISNULL(4) ? NULL : PG_GETARG_BYTEA_PP(4);
	all = (td_model_row) {
		.version = PG_GETARG_INT64(0),
		.dimensions = PG_GETARG_INT32(1),
		.embedder_name = {VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)},
		.model = {VARDATA_ANY(m), VARSIZE_ANY_EXHDR(m)},
		.embedder = {e ? VARDATA_ANY(e) : NULL, e ? VARSIZE_ANY_EXHDR(e) : 0},
		.before = {"{}", 2},
	};
	TD_CALL(reply, model, &all, &model, reply);
	td_release(model);
	if (reply->len > 0)
	{
		error_context_stack = NULL; /* as td_fail does */
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("model version %lld cannot serve: %.*s",
						(long long) all.version, (int) reply->len, reply->data),
				 errhint("Its row was changed, or another version of tinydancer wrote it. Learn anew.")));
	}
	PG_RETURN_VOID();
}
