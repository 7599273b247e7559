/* What pg/src/tinydancer.h declares for the other side. */
#ifndef TINYDANCER_ABI_H
#define TINYDANCER_ABI_H

#include <stdint.h>

typedef struct td_reply
{
	char *data;
	int64_t len;
	int64_t cap;
} td_reply;

typedef struct td_span
{
	const void *data;
	int64_t len;
} td_span;

typedef struct td_request
{
	uint64_t router;
	const float *embedding;
	int64_t steps;
	int64_t dimension;
	td_span target;
	td_span constraints;
	const int64_t *visible;
	int64_t nvisible;
	int64_t as_rows;
	const uint8_t *decision_id;
	int64_t in_session;
	const float *state;
	int64_t nstate;
	int64_t state_version;
	int64_t last_agent;
	const double *heard;
} td_request;

typedef struct td_model_row
{
	int64_t version;
	int64_t dimensions;
	td_span embedder_name;
	td_span model;
	td_span model_file;
	td_span embedder;
	td_span embedder_file;
	td_span before;
	int64_t challenges;
} td_model_row;

#endif
