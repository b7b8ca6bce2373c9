// What:    All steps of a recurrent cell backwards, for rows that need nothing of each other.
// Layouts: H, lengths, h0, c0 and kept as in recurrent_forward.cl; gh, gc [T][N][H], w [H / lanes]
//          [GATES * H][lanes], out [T + 1][N][stride], of which GIVEN * H are used and the last row
//          gathers the gradients of the states.
// Parameters: those of recurrent.cl; UPSTREAM 1 where the memory of an lstm has no gradient but that
//          of the states, so that gc is not read; a work-item has `each` rows.
// Used by: jairika_nb/engine/routines/recurrent.py, after recurrent.cl.

#ifndef UPSTREAM
#define UPSTREAM (CELL == 2 ? 2 : 1)
#endif
#define OF_MEMORY(at) (UPSTREAM == 2 ? LOAD(gc + (at)) + LOAD(rest + H) : LOAD(rest + H))
// What the step before reads and writes of a row after a product: gh, gc, kept, a state, out.
#define FIRST (CELL > 1)
#define READ (UPSTREAM + KEPT - FIRST)
#define STREAMS (READ + FIRST + GIVEN)
#define NEXT(n, k) \
  if (s > 0) { \
    const size_t at = (size_t)(n) * H + j; \
    if (k < READ) { \
      AHEAD(now + at + (k == 0 ? gh : k < UPSTREAM ? gc : kept + (k - READ + KEPT) * plane), 0); \
    } else if (k < READ + FIRST) { \
      AHEAD((CELL == 2 ? c : h) + at, 0); \
    } else { \
      AHEAD(made + (n) * wide + (k - READ - FIRST) * H + j, 1); \
    } \
  }

kernel void KERNEL_NAME(
    global T *out, global const T *restrict gh, global const T *restrict gc,
    global const T *restrict kept, global const T *restrict w, global const T *restrict h0,
    global const T *restrict c0, global const int *restrict lengths, const int N, const int H,
    const int steps, const int reverse, const int each, const int stride) {
  const int first = get_global_id(0) * each, last = min(first + each, N);
  const size_t plane = (size_t)steps * N * H, wide = stride;
  global T *carried = out + (size_t)steps * N * wide;
  for (size_t i = first * wide; i < last * wide; i++) carried[i] = 0;
  // The gates of step s give the state before it its gradient, and so step s - 1 its own.
  for (int s = steps; s >= 0; s--) {
    const int t = reverse ? steps - s : s - 1, known = s < steps ? GATES * H : 0;
    const size_t now = (size_t)t * N * H, old = (size_t)(reverse ? t + 1 : t - 1) * N * H;
    global const T *h = s > 1 ? kept + old : h0, *c = s > 1 ? kept + plane + old : c0;
    global const T *gates = out + (size_t)(reverse ? t - 1 : t + 1) * N * wide;
    global T *made = out + (size_t)t * N * wide;
    for (int j = 0; j < H; j += 16 * SPAN) {
      global const T *panel = w + (size_t)j * GATES * H;
      for (int row = first; row < last; row += ROWS) {
        MULTIPLY(SPAN, known, gates, wide, STREAMS, NEXT)
        for (int i = 0; i < SPAN * min(ROWS, last - row); i++) {
          const int n = row + i / SPAN, v = i % SPAN;
          const size_t at = (size_t)n * H + j + v * 16;
          global const T *from = kept + now + at;
          global T *to = made + n * wide + j + v * 16, *rest = carried + n * wide + j + v * 16;
          const V16 of_state = LOAD(rest) + sums[i / SPAN][v];
          if (s == 0) {
            STORE(of_state, rest);
            continue;
          }
          const V16 g = LOAD(gh + now + at) + of_state;
#if MASKED
          if (t >= lengths[n]) {
            for (int k = 0; k < GIVEN; k++) STORE((V16)(0), to + k * H);
            STORE(g, rest);
#if CELL == 2
            STORE(OF_MEMORY(now + at), rest + H);
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
          const V16 m = OF_MEMORY(now + at) + g * shown * (ONE - top * top);
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
    }
  }
}
