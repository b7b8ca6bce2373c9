// What:    Recurrent cells: what their run and their run backwards share, above all the product of
//          ROWS rows and a panel of weights.
// Layouts: a panel [length][WIDE][16]; `from` [rows][stride].
// Parameters: CELL 0 tanh, 1 relu, 2 lstm, 3 gru; T, float or double, its vector V16, TANH of that,
//          and SQUASH, the logistic function, where there is a better one than made here; ROWS a
//          work-item multiplies at a time, SPAN vectors of each gate; MASKED 1 lets a row rest from
//          its length on.
// Used by: recurrent_forward.cl and recurrent_back.cl (jairika_nb/engine/routines/recurrent.py); the
//          order of kept and given values is that of jairika_nb/engine/ops/cells.py.

#ifndef ROWS
#define ROWS 4
#endif
#ifndef SPAN
#define SPAN 1
#endif
#ifndef CELL
#define CELL 2
#endif
#ifndef MASKED
#define MASKED 0
#endif
#define GATES (CELL == 2 ? 4 : CELL == 3 ? 3 : 1)
#define KEPT (CELL == 2 ? 6 : CELL == 3 ? 5 : 1)
#define GIVEN (CELL < 2 ? 1 : 4)
#define LOAD(p) vload16(0, p)
#define STORE(v, p) vstore16(v, 0, p)
#define ONE ((V16)(1))
#ifndef SQUASH
#define SQUASH(x) (ONE / (ONE + exp(-(x))))
#endif

// Asks for the lines of SPAN vectors, to read or (`writes`) to write them.
#define AHEAD(p, writes) \
  for (int i = 0; i < 16 * SPAN; i += 64 / (int)sizeof(T)) __builtin_prefetch((p) + i, writes)

// The sums of the rows from `row` on, as `sums`; rows past the end are the last one again. What
// follows the product lies far apart, and each line of it would be waited for: NEXT(n, k) asks for
// line k of STREAMS of row n, a few at a time, so that the product's own reads do not wait.
#define MULTIPLY(WIDE, length, from, stride, STREAMS, NEXT) \
  V16 sums[ROWS][WIDE], sum[ROWS][WIDE]; \
  global const T *one[ROWS]; \
  _Pragma("unroll") for (int i = 0; i < ROWS; i++) { \
    one[i] = from + (size_t)min(row + i, last - 1) * (stride); \
    _Pragma("unroll") for (int v = 0; v < WIDE; v++) sum[i][v] = (V16)(0); \
  } \
  for (int stream = 0; stream < STREAMS; stream++) { \
    for (int n = row; n < min(row + ROWS, last); n++) NEXT(n, stream); \
    const int end = (length) * (stream + 1) / STREAMS; \
    for (int k = (length) * stream / STREAMS; k < end; k++) { \
      V16 line[WIDE]; \
      _Pragma("unroll") for (int v = 0; v < WIDE; v++) \
        line[v] = vload16((size_t)k * WIDE + v, panel); \
      _Pragma("unroll") for (int i = 0; i < ROWS; i++) \
        _Pragma("unroll") for (int v = 0; v < WIDE; v++) \
          sum[i][v] = fma((V16)(one[i][k]), line[v], sum[i][v]); \
    } \
  } \
  /* Through memory, so that what follows is compiled once and not for each vector. */ \
  _Pragma("unroll") for (int i = 0; i < ROWS; i++) \
    _Pragma("unroll") for (int v = 0; v < WIDE; v++) sums[i][v] = sum[i][v];
