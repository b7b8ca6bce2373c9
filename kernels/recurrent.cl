// What:    All steps of a recurrent cell, and all of them backwards, for rows that need nothing of
//          each other: a work-item takes its rows through the whole sequence.
// Layouts: H a multiple of 16 * SPAN. x [T][N][GATES * H], h0 and c0 [N][H], b [H], lengths [N];
//          forward: w [H / lanes][H][GATES][lanes], out [kept][T][N][H]; backward: gh, gc [T][N][H],
//          kept as out above, w [H / lanes][GATES * H][lanes], out [T + 1][N][stride], of which
//          GIVEN * H are used and the last row gathers the gradients of the states; lanes = 16 *
//          SPAN.
// Parameters: CELL 0 tanh, 1 relu, 2 lstm, 3 gru; T, float or double, its vector V16, and TANH of
//          that; ROWS a work-item multiplies at a time; MASKED 1 lets a row rest from its length on.
// Used by: jairika_nb/engine/routines/recurrent.py; the order of kept and given values is that of
//          jairika_nb/engine/ops/cells.py.

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
#define GIVEN (CELL < 2 ? 1 : 4)
#define LOAD(p) vload16(0, p)
#define STORE(v, p) vstore16(v, 0, p)
#define ONE ((V16)(1))

#define SQUASH(x) (ONE / (ONE + exp(-(x))))

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

#if BACKWARD == 0
kernel void KERNEL_NAME(
    global T *out, global const T *restrict x, global const T *restrict w, global const T *h0,
    global const T *c0, global const T *restrict b, global const int *restrict lengths,
    const int N, const int H, const int steps, const int reverse, const int each) {
  const int first = get_global_id(0) * each, last = min(first + each, N);
  const size_t plane = (size_t)steps * N * H;
  for (int s = 0; s < steps; s++) {
    const int t = reverse ? steps - 1 - s : s;
    const size_t now = (size_t)t * N * H, old = (size_t)(reverse ? t + 1 : t - 1) * N * H;
    global const T *h = s ? out + old : h0, *c = s ? out + plane + old : c0;
    for (int j = 0; j < H; j += 16 * SPAN) {
      global const T *panel = w + (size_t)j * GATES * H;
      for (int row = first; row < last; row += ROWS) {
        MULTIPLY(GATES * SPAN, H, h, H)
#pragma unroll
        for (int i = 0; i < ROWS; i++) {
          const int n = row + i;
          if (n >= last) break;
          for (int v = 0; v < SPAN; v++) {
            const size_t at = (size_t)n * H + j + v * 16;
            global const T *in = x + ((size_t)t * N + n) * GATES * H + j + v * 16;
            global T *to = out + now + at;
            const V16 before = LOAD(h + at);
            V16 after;
#if CELL == 0
            after = TANH(sum[i][v] + LOAD(in));
#elif CELL == 1
            after = fmax(sum[i][v] + LOAD(in), (V16)(0));
#elif CELL == 2
            const V16 gate = SQUASH(sum[i][v] + LOAD(in));
            const V16 forget = SQUASH(sum[i][SPAN + v] + LOAD(in + H));
            const V16 new = TANH(sum[i][2 * SPAN + v] + LOAD(in + 2 * H));
            const V16 shown = SQUASH(sum[i][3 * SPAN + v] + LOAD(in + 3 * H));
            const V16 memory = LOAD(c + at);
            V16 next = forget * memory + gate * new;
            after = shown * TANH(next);
            STORE(gate, to + 2 * plane);
            STORE(forget, to + 3 * plane);
            STORE(new, to + 4 * plane);
            STORE(shown, to + 5 * plane);
#if MASKED
            if (t >= lengths[n]) next = memory;
#endif
            STORE(next, to + plane);
#else
            const V16 reset = SQUASH(sum[i][v] + LOAD(in));
            const V16 update = SQUASH(sum[i][SPAN + v] + LOAD(in + H));
            const V16 share = sum[i][2 * SPAN + v] + LOAD(b + j + v * 16);
            const V16 new = TANH(LOAD(in + 2 * H) + reset * share);
            after = new + update * (before - new);
            STORE(reset, to + plane);
            STORE(update, to + 2 * plane);
            STORE(new, to + 3 * plane);
            STORE(share, to + 4 * plane);
#endif
#if MASKED
            if (t >= lengths[n]) after = before;
#endif
            STORE(after, to);
          }
        }
      }
    }
  }
}
#else
kernel void KERNEL_NAME(
    global T *out, global const T *restrict gh, global const T *restrict gc,
    global const T *restrict kept, global const T *restrict w, global const T *restrict h0,
    global const T *restrict c0, global const int *restrict lengths, const int N, const int H,
    const int steps, const int reverse, const int each, const int stride) {
  const int first = get_global_id(0) * each, last = min(first + each, N);
  const size_t plane = (size_t)steps * N * H, wide = stride;
  global T *carried = out + (size_t)steps * N * wide;
  for (size_t i = first * wide; i < last * wide; i++) carried[i] = 0;
  for (int s = steps - 1; s >= 0; s--) {
    const int t = reverse ? steps - 1 - s : s;
    const size_t now = (size_t)t * N * H, old = (size_t)(reverse ? t + 1 : t - 1) * N * H;
    global const T *h = s ? kept + old : h0, *c = s ? kept + plane + old : c0;
    global T *gates = out + (size_t)t * N * wide;
    for (int n = first; n < last; n++) {
      for (int j = 0; j < H; j += 16) {
        const size_t at = (size_t)n * H + j;
        global const T *from = kept + now + at;
        global T *to = gates + n * wide + j, *rest = carried + n * wide + j;
        const V16 g = LOAD(gh + now + at) + LOAD(rest);
#if MASKED
        if (t >= lengths[n]) {
          for (int k = 0; k < GIVEN; k++) STORE((V16)(0), to + k * H);
          STORE(g, rest);
#if CELL == 2
          STORE(LOAD(gc + now + at) + LOAD(rest + H), rest + H);
#endif
          continue;
        }
#endif
#if CELL == 0
        const V16 y = LOAD(from);
        STORE(g * (ONE - y * y), to);
        STORE((V16)(0), rest);
#elif CELL == 1
        STORE(LOAD(from) > (V16)(0) ? g : (V16)(0), to);
        STORE((V16)(0), rest);
#elif CELL == 2
        const V16 top = TANH(LOAD(from + plane));
        const V16 gate = LOAD(from + 2 * plane), forget = LOAD(from + 3 * plane);
        const V16 new = LOAD(from + 4 * plane), shown = LOAD(from + 5 * plane);
        const V16 m = LOAD(gc + now + at) + LOAD(rest + H) + g * shown * (ONE - top * top);
        STORE(m * new * gate * (ONE - gate), to);
        STORE(m * LOAD(c + at) * forget * (ONE - forget), to + H);
        STORE(m * gate * (ONE - new * new), to + 2 * H);
        STORE(g * top * shown * (ONE - shown), to + 3 * H);
        STORE((V16)(0), rest);
        STORE(m * forget, rest + H);
#else
        const V16 reset = LOAD(from + plane), update = LOAD(from + 2 * plane);
        const V16 new = LOAD(from + 3 * plane), share = LOAD(from + 4 * plane);
        const V16 m = g * (ONE - update) * (ONE - new * new);
        STORE(m * share * reset * (ONE - reset), to);
        STORE(g * (LOAD(h + at) - new) * update * (ONE - update), to + H);
        STORE(m * reset, to + 2 * H);
        STORE(m, to + 3 * H);
        STORE(g * update, rest);
#endif
      }
    }
    for (int j = 0; j < H; j += 16 * SPAN) {
      global const T *panel = w + (size_t)j * GATES * H;
      for (int row = first; row < last; row += ROWS) {
        MULTIPLY(SPAN, GATES * H, gates, wide)
#pragma unroll
        for (int i = 0; i < ROWS; i++) {
          const int n = row + i;
          if (n >= last) break;
#pragma unroll
          for (int v = 0; v < SPAN; v++) {
            global T *rest = carried + n * wide + j + v * 16;
            STORE(LOAD(rest) + sum[i][v], rest);
          }
        }
      }
    }
  }
}
#endif
