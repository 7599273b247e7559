/*
 * Words: what was meant, and case, which Go folds by Unicode. The database's
 * locale would fold it in another way than routing does, or not at all.
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
