/*
 * The doorway between PostgreSQL and the Go library.
 *
 * C marshals: it reads rows and arguments into plain buffers, calls Go, and
 * turns the bytes that come back into datums or an error. What is decided is
 * decided in Go; what is kept is kept in tables.
 */
#ifndef TINYDANCER_H
#define TINYDANCER_H

#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"

#include <signal.h>

#include "utils/array.h"
#include "utils/snapshot.h"
#include "utils/uuid.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#if PG_VERSION_NUM < 140000
#error "tinydancer needs PostgreSQL 14 or later"
#endif

#define TD_SCHEMA "tinydancer"

/* SQLSTATEs of our own; docs/sql.md lists them. */
#define ERRCODE_TD_NO_MATCH MAKE_SQLSTATE('T', 'D', '0', '0', '1')
#define ERRCODE_TD_PANIC MAKE_SQLSTATE('T', 'D', '5', '0', '0')

/* ---- golib.c: the Go library ---- */

typedef uint64 td_handle;

/* What Go answers with: bytes in memory that C owns. */
typedef struct td_reply
{
	char	   *data;
	int64		len;
	int64		cap;
} td_reply;

/* Arrays and text as they cross: a pointer and a length, borrowed. */
typedef struct td_span
{
	const void *data;
	int64		len;
} td_span;

/* Mirrors wireRequest in cmd/libtinydancer. */
typedef struct td_request
{
	td_handle	router;
	const float *embedding;
	int64		steps;			/* 0: one embedding; else rows of a sequence */
	int64		dimension;
	td_span		target;
	td_span		constraints;	/* JSON, or length 0 */
	const int64 *visible;		/* ids, or NULL for all */
	int64		nvisible;
	int64		as_rows;		/* route: rows of columns instead of one jsonb */
	const uint8 *decision_id;	/* decide: 16 bytes */
	int64		in_session;		/* decide: what follows is of its last turn */
	const float *state;			/* after it; NULL if there was none */
	int64		nstate;
	int64		state_version;	/* of the model whose state it is */
	int64		last_agent;
	const double *heard;		/* known, outcome, latency, cost, elapsed; NULL at the first turn */
} td_request;

/* A row of tinydancer.models; of a challenger without the embedder. */
typedef struct td_model_row
{
	int64		version;
	int64		dimensions;
	td_span		embedder_name;
	td_span		model;
	td_span		model_file;		/* path, length 0: not shared; with a path model may be empty */
	td_span		embedder;		/* length 0: none */
	td_span		embedder_file;	/* likewise */
	td_span		before;
	int64		challenges;
} td_model_row;

typedef struct td_golib
{
	int			(*init) (td_reply *reply);
	int			(*roster) (td_span rows, td_handle *roster, td_reply *reply);
	int			(*model) (const td_model_row *row, td_handle *handle, td_reply *reply);
	int			(*router) (td_handle roster, td_span tallies, td_handle model, td_span corrections, td_handle challenger, td_span config, td_handle *router, td_reply *reply);
	int			(*correct) (td_span told, td_reply *reply);
	int			(*school_open) (td_handle router, int fit, int64 *space, td_handle *school, td_reply *reply);
	int			(*school_rows) (td_handle school, td_span rows, td_reply *reply);
	int			(*school_begin) (td_handle school, int64 seed, int64 attempt, int lean, td_reply *reply);
	int			(*school_wait) (td_handle school, int64 ms, int64 *progress, td_reply *reply);
	int			(*school_result) (td_handle school, td_reply *reply);
	void		(*release) (td_handle handle);
	int			(*route) (const td_request *request, td_reply *reply);
	int			(*decide) (const td_request *request, td_reply *reply);
	int			(*explain) (const td_request *request, td_handle *explanations, td_reply *reply);
	int			(*explain_rows) (td_handle explanations, td_reply *reply);
	int			(*embed) (td_handle model, td_span text, td_reply *reply);
	int			(*fold_case) (td_span text, td_reply *reply);
	int			(*lower_case) (td_span text, td_reply *reply);
	int			(*nearest) (td_span word, td_span candidates, td_reply *reply);
	void		(*take) (td_reply *reply);
	int			(*provoke) (int how, td_reply *reply);	/* test builds only */
} td_golib;

/* The library, loaded at the first call in this process. */
extern const td_golib *td_go(void);
extern const char *td_golib_path(void);

/*
 * Calls a function of the library under the signal mask; raises its error. The
 * arguments are worked out under the mask, too: what may wait or fail is done
 * before, for a wait there could not be cancelled, and an error that is caught
 * would leave the session deaf.
 */
#define TD_CALL(reply, function, ...) \
	do { \
		const td_golib *go_ = td_go(); \
		sigset_t	mask_; \
		int			status_; \
		td_enter(&mask_); \
		status_ = go_->function(__VA_ARGS__); \
		td_leave(&mask_); \
		td_finish(status_, reply); \
	} while (0)

extern void td_enter(sigset_t *before);
extern void td_leave(const sigset_t *before);
extern void td_finish(int status, td_reply *reply);
extern td_reply *td_scratch_reply(void);
extern void td_release(td_handle handle);

/* ---- share.c ---- */

/* A part of a row of tinydancer.models, and the file by which backends share it. */
typedef struct td_part
{
	Datum		value;			/* a bytea; 0 is none */
	const char *what;			/* serving, challenger or embedder */
	Oid			relid;
	int64		version;
	char		path[MAXPGPATH];	/* empty where it is not shared */
} td_part;

extern void td_find_part(td_part *part, Datum value, const char *what, Oid relid, int64 version);
extern td_span td_part_file(const td_part *part);
extern td_span td_part_bytes(const td_part *part);

/* ---- settings.c ---- */

extern uint64 td_settings_generation;
extern int	td_publish_interval_ms;
extern int	td_session_timeout_s;
extern void td_define_settings(void);
extern bool td_challenger_has_a_share(void);
extern td_span td_settings_span(void);

/* ---- cache.c: the registry as the present statement may see it ---- */

extern void td_register_callbacks(void);
extern void td_begin_to_decide(void);
extern td_handle td_current_router(void);
extern td_handle td_current_model(void);
extern Oid	td_agents_relid(void);

/* ---- load.c ---- */

extern bool td_load_agents(Oid relid, Snapshot snapshot, td_handle *roster);
extern bool td_load_model(Oid relid, Snapshot snapshot, const char *state, td_handle *model);
extern bool td_load_estimates(Oid relid, Snapshot snapshot, StringInfo rows);
extern bool td_load_corrections(Oid relid, Oid models, bool challenges, Snapshot snapshot, StringInfo rows);
extern void td_put_numbers(StringInfo out, ArrayType *array);

/* ---- caller.c ---- */

extern Oid	td_caller_id(void);
extern Oid	td_owner_id(void);
extern Datum td_as_owner(Datum (*body) (FunctionCallInfo), FunctionCallInfo fcinfo, Oid owner);
extern bool td_rows_are_restricted(void);
extern int64 *td_visible_ids(int *count);

/* ---- policies.c ---- */

extern void td_refuse_lost_policies(void);
extern void td_refuse_unsafe_policies(void);

/* ---- arrays.c ---- */

extern const float *td_read_embedding(const char *what, ArrayType *array, int64 *steps, int64 *dimension);

/* ---- route.c ---- */

extern struct ReturnSetInfo *td_begin_rows(FunctionCallInfo fcinfo);

extern void td_read_request(FunctionCallInfo fcinfo, td_request *request);
extern void td_read_request_of(FunctionCallInfo fcinfo, ArrayType *embedding, td_request *request);

/* ---- words.c ---- */

extern ArrayType *td_embedding_of(const char *what, text *input);

/* ---- session.c ---- */

#define TD_HEARD 5

typedef struct td_turn
{
	bool		found;
	pg_uuid_t	previous;
	double		heard[TD_HEARD];
} td_turn;

extern void td_check_session(text *session);
extern void td_continue_session(text *session, NameData *role, const pg_uuid_t *id, td_request *request, td_turn *turn);

/* ---- tape.c ---- */

typedef struct td_tape
{
	const char *at;
	const char *end;
} td_tape;

extern Datum td_tape_jsonb(td_tape *tape);
extern void td_put_rows(struct ReturnSetInfo *rows, td_tape tape);
extern Datum td_tape_datum(td_tape *tape, bool *isnull);
extern Datum td_tape_floats(td_tape *tape, bool *isnull);

#endif							/* TINYDANCER_H */
