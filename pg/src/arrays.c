/*
 * Arrays of float4, looked at before they go to Go. Values are judged there;
 * here it is the shape.
 */
#include "tinydancer.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include <math.h>

#define MAX_DIMENSION 16000

/*
 * Returns the components of a vector, or of a sequence of vectors row by row:
 * then steps is the number of rows, else 0.
 */
const float *
td_read_embedding(const char *what, ArrayType *array, int64 *steps, int64 *dimension)
{
	int			ndim = ARR_NDIM(array);

	if (ndim > 2)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s: got an array of %d dimensions, want 1, or 2 for a sequence", what, ndim)));
	if (ndim == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("%s: got an empty array, want at least one number", what)));
	if (ARR_HASNULL(array) && array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s: got NULL in the array, want numbers", what)));
	*steps = ndim == 2 ? ARR_DIMS(array)[0] : 0;
	*dimension = ARR_DIMS(array)[ndim - 1];
	if (*dimension > MAX_DIMENSION)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s: got %lld dimensions, want at most %d", what, (long long) *dimension, MAX_DIMENSION)));
	return (const float *) ARR_DATA_PTR(array);
}

/* What is wrong with the values, or NULL. */
static const char *
fault(const float *v, int64 n)
{
	double		square = 0;

	for (int64 i = 0; i < n; i++)
	{
		if (isnan(v[i]) || isinf(v[i]))
			return psprintf("got %g as component %lld, want finite numbers", v[i], (long long) i + 1);
		square += (double) v[i] * v[i];
	}
	if (square == 0)
		return "got a zero vector, want one with a direction";
	if (square < 1e-30 || square > 1e30)
		return psprintf("got a vector of length %g, want one from 1e-15 to 1e15", sqrt(square));
	return NULL;
}

/* tinydancer.check_embedding(what, embedding): the embedding, or an error. */
PG_FUNCTION_INFO_V1(td_check_embedding);
Datum
td_check_embedding(PG_FUNCTION_ARGS)
{
	const char *what,
			   *wrong;
	const float *v;
	int64		steps,
				n;
	ErrorContextCallback *context = error_context_stack;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	what = text_to_cstring(PG_GETARG_TEXT_PP(0));
	error_context_stack = NULL; /* as td_fail does */
	v = td_read_embedding(what, PG_GETARG_ARRAYTYPE_P(1), &steps, &n);
	if (steps > 0)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s: got an array of 2 dimensions, want 1", what)));
	if ((wrong = fault(v, n)) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: %s", what, wrong),
				 errhint("An agent without an embedding has NULL.")));
	error_context_stack = context;
	PG_RETURN_DATUM(PG_GETARG_DATUM(1));
}

/* tinydancer.is_embedding(embedding): for the CHECK on the table. */
PG_FUNCTION_INFO_V1(td_is_embedding);
Datum
td_is_embedding(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);

	if (ARR_NDIM(array) != 1 || array_contains_nulls(array) || ARR_DIMS(array)[0] > MAX_DIMENSION)
		PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(fault((const float *) ARR_DATA_PTR(array), ARR_DIMS(array)[0]) == NULL);
}
