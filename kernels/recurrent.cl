// What:    Recurrent cells: what their run and their run backwards share, above all the product of
//          ROWS rows and a panel of weights.
// Layouts: a panel [LENGTH][WIDE][16]; FROM [rows][STRIDE].
// Parameters: CELL 0 tanh, 1 relu, 2 lstm, 3 gru; T, float or double, its vector V16, TANH of that,
//          and SQUASH, the logistic function, where there is a better one than made here; ROWS a
//          work-item multiplies at a time, SPAN vectors of each gate.
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
#define GATES (CELL == 2 ? 4 : CELL == 3 ? 3 : 1)
#define LOAD(p) vload16(0, p)
#define STORE(v, p) vstore16(v, 0, p)
#define ONE ((V16)(1))
#ifndef SQUASH
#define SQUASH(x) (ONE / (ONE + exp(-(x))))
#endif

// Rows past the end are the last one again; they are not stored.
#define MULTIPLY(WIDE, LENGTH, FROM, STRIDE) \
  V16 sum[ROWS][WIDE]; \
  global const T *one[ROWS]; \
  _Pragma("unroll") for (int i = 0; i < ROWS; i++) { \
    one[i] = FROM + (size_t)min(row + i, last - 1) * (STRIDE); \
    _Pragma("unroll") for (int v = 0; v < WIDE; v++) sum[i][v] = (V16)(0); \
  } \
  for (int k = 0; k < LENGTH; k++) { \
    V16 line[WIDE]; \
    _Pragma("unroll") for (int v = 0; v < WIDE; v++) \
      line[v] = vload16((size_t)k * WIDE + v, panel); \
    _Pragma("unroll") for (int i = 0; i < ROWS; i++) \
      _Pragma("unroll") for (int v = 0; v < WIDE; v++) \
        sum[i][v] = fma((V16)(one[i][k]), line[v], sum[i][v]); \
  }
