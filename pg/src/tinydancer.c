/*
 * The module: loaded into every process that uses the extension, and into the
 * postmaster if it is listed in shared_preload_libraries. Nothing here starts
 * Go.
 */
#include "tinydancer.h"

#include "access/xlog.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	td_define_settings();
	td_register_callbacks();
}

/* tinydancer.system_identifier(): which cluster this is, for its xids. */
PG_FUNCTION_INFO_V1(td_system_identifier);
Datum
td_system_identifier(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) GetSystemIdentifier());
}

/*
 * tinydancer.fail(state, message, hint): raises an error without the CONTEXT
 * of the functions that checked, which would bury the message.
 */
PG_FUNCTION_INFO_V1(td_fail);
Datum
td_fail(PG_FUNCTION_ARGS)
{
	char	   *state,
			   *message;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		elog(ERROR, "tinydancer.fail: got NULL, want an SQLSTATE and a message");
	state = text_to_cstring(PG_GETARG_TEXT_PP(0));
	message = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (strlen(state) != 5)
		elog(ERROR, "\"%s\" is not an SQLSTATE", state);
	error_context_stack = NULL;
	ereport(ERROR,
			(errcode(MAKE_SQLSTATE(state[0], state[1], state[2], state[3], state[4])),
			 errmsg("%s", message),
			 PG_ARGISNULL(2) ? 0 : errhint("%s", text_to_cstring(PG_GETARG_TEXT_PP(2)))));
	PG_RETURN_VOID();
}
