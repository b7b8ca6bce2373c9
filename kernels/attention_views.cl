// What:    what all kernels of attention are given: operands, where these lie, a mask, dropout.
// Layouts: a view is where its operand begins, and how far apart its batches (up to three axes) and
//          its rows lie, in elements. Between OPERANDS and VIEWS a kernel has parameters of its own.
// Parameters: CAUSAL, MASKED, MASK_TYPE and DROPOUT as in attention.cl.
// Used by: all kernels of attention, before their own text
//          (jairika_nb/engine/routines/attention_arguments.py).

#ifndef CAUSAL
#define CAUSAL 0
#endif
#ifndef MASKED
#define MASKED 0
#endif
#ifndef DROPOUT
#define DROPOUT 0
#endif

#define VIEW(x) \
  const long x##_at, const long x##_0, const long x##_1, const long x##_2, const long x##_row
#define BATCH(x) x += x##_at + b0 * x##_0 + b1 * x##_1 + b2 * x##_2;
#if MASKED
#define BATCH_MASK BATCH(mask)
#define MASK_PARAMETERS , global const MASK_TYPE *restrict mask, VIEW(mask), const long mask_column
#else
#define BATCH_MASK
#define MASK_PARAMETERS
#endif
#if DROPOUT
#define DROPOUT_PARAMETERS , const float keep, const uint k0, const uint k1, const uint call
#else
#define DROPOUT_PARAMETERS
#endif

#define SIZES \
  const float scale, const int n1, const int n2, const int L, const int S, const int E, const int V
#define BATCHES \
  const int b0 = batch / (n1 * n2), b1 = batch / n2 % n1, b2 = batch % n2; \
  BATCH(q) BATCH(k) BATCH(v) BATCH_MASK

#define FORWARD_OPERANDS \
  global float *restrict out, global float *restrict logsum, global const float *restrict q, \
  global const float *restrict k, global const float *restrict v, SIZES
#define FORWARD_VIEWS VIEW(q), VIEW(k), VIEW(v), VIEW(out) MASK_PARAMETERS DROPOUT_PARAMETERS
#define FORWARD_BATCHES BATCHES BATCH(out)

// `y` is the result, or each row's sum of g * y.
#define BACKWARD_OPERANDS(y) \
  global float *restrict dq, global float *restrict dk, global float *restrict dv, \
  global const float *restrict g, global const float *restrict y, \
  global const float *restrict logsum, global const float *restrict q, \
  global const float *restrict k, global const float *restrict v, SIZES
#define BACKWARD_VIEWS(y) \
  VIEW(g), VIEW(y), VIEW(q), VIEW(k), VIEW(v), VIEW(dq), VIEW(dk), \
  VIEW(dv) MASK_PARAMETERS DROPOUT_PARAMETERS
#define BACKWARD_BATCHES(y) BATCHES BATCH(g) BATCH(y) BATCH(dq) BATCH(dk) BATCH(dv) \
  logsum += (size_t)batch * L;
