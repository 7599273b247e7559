/*
 * Words: what was meant, and case, which Go folds by Unicode. The database's
 * locale would fold it in another way than routing does, or not at all. And
 * texts, as vectors.
 */
#include "tinydancer.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

static Datum
reply_text(td_reply *reply)
{
	return PointerGetDatum(cstring_to_text_with_len(reply->data, reply->len));
}

/*
 * ASCII, in lower case, about which there is nothing to ask: agents that have
 * no other letters are registered without the Go library. NULL if there are
 * other letters.
 */
static text *
lower_ascii(text *value)
{
	text	   *result = cstring_to_text_with_len(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	char	   *at = VARDATA(result);

	for (const char *end = at + VARSIZE_ANY_EXHDR(value); at < end; at++)
	{
		if (IS_HIGHBIT_SET(*at))
			return NULL;
		*at = pg_ascii_tolower((unsigned char) *at);
	}
	return result;
}

/* tinydancer.fold_case(text): the same for all that differ by case alone. */
PG_FUNCTION_INFO_V1(td_fold_case);
Datum
td_fold_case(PG_FUNCTION_ARGS)
{
	td_reply   *reply = td_scratch_reply();
	text	   *value = PG_GETARG_TEXT_PP(0);
	text	   *ascii = lower_ascii(value);

	if (ascii)
		PG_RETURN_TEXT_P(ascii);
	TD_CALL(reply, fold_case, (td_span) {VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)}, reply);
	PG_RETURN_DATUM(reply_text(reply));
}

/* tinydancer.lower_case(text) */
PG_FUNCTION_INFO_V1(td_lower_case);
Datum
td_lower_case(PG_FUNCTION_ARGS)
{
	td_reply   *reply = td_scratch_reply();
	text	   *value = PG_GETARG_TEXT_PP(0);
	text	   *ascii = lower_ascii(value);

	if (ascii)
		PG_RETURN_TEXT_P(ascii);
	TD_CALL(reply, lower_case, (td_span) {VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)}, reply);
	PG_RETURN_DATUM(reply_text(reply));
}

/* tinydancer.nearest(word, candidates): the candidate that was meant, or NULL. */
PG_FUNCTION_INFO_V1(td_nearest);
Datum
td_nearest(PG_FUNCTION_ARGS)
{
	td_reply   *reply = td_scratch_reply();
	text	   *word = PG_GETARG_TEXT_PP(0);
	StringInfoData candidates;
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	initStringInfo(&candidates);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
		{
			text	   *t = DatumGetTextPP(elements[i]);

			appendBinaryStringInfo(&candidates, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));
			appendStringInfoChar(&candidates, '\0');
		}
	TD_CALL(reply, nearest, (td_span) {VARDATA_ANY(word), VARSIZE_ANY_EXHDR(word)},
			(td_span) {candidates.data, candidates.len}, reply);
	if (reply->len == 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(reply_text(reply));
}

/*
 * The vector of a text by the embedder in force, as of the statement's
 * snapshot; NULL where there is nothing in it to embed.
 */
static ArrayType *
embedding_of(text *input)
{
	td_handle	model = td_current_model();
	td_reply   *reply = td_scratch_reply();
	ArrayType  *result;

	TD_CALL(reply, embed, model, (td_span) {VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input)}, reply);
	if (reply->len == 0)
		return NULL;
	result = palloc0(ARR_OVERHEAD_NONULLS(1) + reply->len);
	SET_VARSIZE(result, ARR_OVERHEAD_NONULLS(1) + reply->len);
	result->ndim = 1;
	result->elemtype = FLOAT4OID;
	ARR_DIMS(result)[0] = reply->len / sizeof(float4);
	ARR_LBOUND(result)[0] = 1;
	memcpy(ARR_DATA_PTR(result), reply->data, reply->len);
	return result;
}

ArrayType *
td_embedding_of(const char *what, text *input)
{
	ArrayType  *result = embedding_of(input);

	if (result == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: got text without a letter, digit or mark, want something to embed", what)));
	return result;
}

/* embed(text): by the embedder of the model that serves, else by the one that hashes. */
PG_FUNCTION_INFO_V1(td_embed);
Datum
td_embed(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("input: got NULL, want text"),
				 errhint("There is nothing to embed.")));
	PG_RETURN_ARRAYTYPE_P(td_embedding_of("input", PG_GETARG_TEXT_PP(0)));
}

/* tinydancer.describe(text): the same, and NULL where there is nothing to embed. */
PG_FUNCTION_INFO_V1(td_describe);
Datum
td_describe(PG_FUNCTION_ARGS)
{
	ArrayType  *result = embedding_of(PG_GETARG_TEXT_PP(0));

	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_ARRAYTYPE_P(result);
}
