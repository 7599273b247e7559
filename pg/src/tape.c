/*
 * Answers from Go: a tape of tagged values, drawn in cmd/libtinydancer/tape.go.
 *
 *   {  }  [  ]           begin and end of an object or an array
 *   k  s    u32, bytes   key; string
 *   n    i64, i32        number: mantissa, then how many decimals it has
 *   d    f64             float8
 *   i    i64             integer, int4
 *   l    i64             integer, int8
 *   t  f  0              true, false, null
 *   r                    a row begins
 */
#include "tinydancer.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

static void
broken(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("tinydancer: the answer of the Go library is broken"),
			 errhint("The two libraries come from different builds. Run \"make install\" again.")));
}

static const char *
take(td_tape *tape, size_t n)
{
	const char *at = tape->at;

	if ((size_t) (tape->end - at) < n)
		broken();
	tape->at += n;
	return at;
}

static char
take_tag(td_tape *tape)
{
	return *take(tape, 1);
}

static td_span
take_bytes(td_tape *tape)
{
	uint32		n;

	memcpy(&n, take(tape, sizeof(n)), sizeof(n));
	return (td_span) {take(tape, n), n};
}

static int64
take_int64(td_tape *tape)
{
	int64		v;

	memcpy(&v, take(tape, sizeof(v)), sizeof(v));
	return v;
}

/* The shortest decimal that reads as the same float8, exactly. */
static Numeric
take_number(td_tape *tape)
{
	int64		mantissa = take_int64(tape);
	int32		decimals;

	memcpy(&decimals, take(tape, sizeof(decimals)), sizeof(decimals));
	return int64_div_fast_to_numeric(mantissa, decimals);
}

/* Reads bytes that are float4 as an array; none are NULL. */
Datum
td_tape_floats(td_tape *tape, bool *isnull)
{
	td_span		s;
	ArrayType  *array;

	if (take_tag(tape) != 's')
		broken();
	s = take_bytes(tape);
	*isnull = s.len == 0;
	if (*isnull)
		return (Datum) 0;
	array = palloc0(ARR_OVERHEAD_NONULLS(1) + s.len);
	SET_VARSIZE(array, ARR_OVERHEAD_NONULLS(1) + s.len);
	array->ndim = 1;
	array->elemtype = FLOAT4OID;
	ARR_DIMS(array)[0] = s.len / sizeof(float4);
	ARR_LBOUND(array)[0] = 1;
	memcpy(ARR_DATA_PTR(array), s.data, s.len);
	return PointerGetDatum(array);
}

static void
value_of(td_tape *tape, char tag, JsonbValue *v)
{
	td_span		s;

	switch (tag)
	{
		case 'k':
		case 's':
			s = take_bytes(tape);
			v->type = jbvString;
			v->val.string.val = unconstify(char *, (const char *) s.data);
			v->val.string.len = s.len;
			return;
		case 'n':
			v->type = jbvNumeric;
			v->val.numeric = take_number(tape);
			return;
		case 'i':
			v->type = jbvNumeric;
			v->val.numeric = int64_to_numeric(take_int64(tape));
			return;
		case 't':
		case 'f':
			v->type = jbvBool;
			v->val.boolean = tag == 't';
			return;
		case '0':
			v->type = jbvNull;
			return;
	}
	broken();
}

/* Reads one object or array. */
Datum
td_tape_jsonb(td_tape *tape)
{
	JsonbParseState *state = NULL;
	JsonbValue *result = NULL;
	char		inside[16];		/* what is open */
	int			depth = 0;
	bool		key = false;

	do
	{
		char		tag = take_tag(tape);
		JsonbValue	v;

		switch (tag)
		{
			case '{':
			case '[':
				if (depth == lengthof(inside))
					broken();
				inside[depth++] = tag;
				pushJsonbValue(&state, tag == '{' ? WJB_BEGIN_OBJECT : WJB_BEGIN_ARRAY, NULL);
				break;
			case '}':
			case ']':
				if (depth == 0)
					broken();
				depth--;
				result = pushJsonbValue(&state, tag == '}' ? WJB_END_OBJECT : WJB_END_ARRAY, NULL);
				break;
			default:
				if (depth == 0)
					broken();
				value_of(tape, tag, &v);
				key = tag == 'k';
				pushJsonbValue(&state, inside[depth - 1] == '[' ? WJB_ELEM : key ? WJB_KEY : WJB_VALUE, &v);
		}
	} while (depth > 0);
	return JsonbPGetDatum(JsonbValueToJsonb(result));
}

/* Reads one value as a column: text, float8, integer, boolean or jsonb. */
Datum
td_tape_datum(td_tape *tape, bool *isnull)
{
	char		tag = *tape->at;
	td_span		s;
	float8		d;

	*isnull = false;
	if (tag == '{' || tag == '[')
		return td_tape_jsonb(tape);
	take_tag(tape);
	switch (tag)
	{
		case 's':
			s = take_bytes(tape);
			return PointerGetDatum(cstring_to_text_with_len(s.data, s.len));
		case 'd':
			memcpy(&d, take(tape, sizeof(d)), sizeof(d));
			return Float8GetDatum(d);
		case 'i':
			return Int32GetDatum((int32) take_int64(tape));
		case 'l':
			return Int64GetDatum(take_int64(tape));
		case 't':
		case 'f':
			return BoolGetDatum(tag == 't');
		case '0':
			*isnull = true;
			return (Datum) 0;
	}
	broken();
	return (Datum) 0;
}
