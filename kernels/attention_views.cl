// What:    how kernels of attention are told where their operands lie, of a mask and of dropout.
// Layouts: a view is where its operand begins, and how far apart its batches (up to three axes) and
//          its rows lie, in elements.
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
#define BATCH(x) x += x##_at + b0 * x##_0 + b1 * x##_1 + b2 * x##_2
#if MASKED
#define MASK_PARAMETERS , global const MASK_TYPE *restrict mask, VIEW(mask), const long mask_column
#else
#define MASK_PARAMETERS
#endif
#if DROPOUT
#define DROPOUT_PARAMETERS , const float keep, const uint k0, const uint k1, const uint call
#else
#define DROPOUT_PARAMETERS
#endif
