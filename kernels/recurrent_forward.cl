// What:    All steps of a recurrent cell for rows that need nothing of each other: a work-item takes
//          its rows through the whole sequence.
// Layouts: H a multiple of lanes = 16 * SPAN. x [T][N][GATES * H], h0 and c0 [N][H], b [H], lengths
//          [N], w [H / lanes][H][GATES][lanes], out [kept][T][N][H].
// Parameters: those of recurrent.cl; a work-item has `each` rows.
// Used by: jairika_nb/engine/routines/recurrent.py, after recurrent.cl.

// The lines of a row that are read and written after a product: of x, of out, of c.
#define STREAMS (GATES + KEPT + (CELL == 2))
#define NEXT(n, k) \
  if (k < GATES) { \
    AHEAD(x + (((size_t)t * N + n) * GATES + k) * H + j, 0); \
  } else if (k < GATES + KEPT) { \
    AHEAD(out + (k - GATES) * plane + now + (size_t)n * H + j, 1); \
  } else { \
    AHEAD(c + (size_t)n * H + j, 0); \
  }

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
        MULTIPLY(GATES * SPAN, H, h, H, STREAMS, NEXT)
        for (int n = row; n < min(row + ROWS, last); n++) {
          for (int v = 0; v < SPAN; v++) {
            const V16 *sum = sums[n - row] + v;
            const size_t at = (size_t)n * H + j + v * 16;
            global const T *in = x + ((size_t)t * N + n) * GATES * H + j + v * 16;
            global T *to = out + now + at;
            const V16 before = LOAD(h + at);
            V16 after;
#if CELL == 0
            after = TANH(sum[0] + LOAD(in));
#elif CELL == 1
            after = fmax(sum[0] + LOAD(in), (V16)(0));
#elif CELL == 2
            const V16 gate = SQUASH(sum[0] + LOAD(in));
            const V16 forget = SQUASH(sum[SPAN] + LOAD(in + H));
            const V16 new = TANH(sum[2 * SPAN] + LOAD(in + 2 * H));
            const V16 shown = SQUASH(sum[3 * SPAN] + LOAD(in + 3 * H));
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
            const V16 reset = SQUASH(sum[0] + LOAD(in));
            const V16 update = SQUASH(sum[SPAN] + LOAD(in + H));
            const V16 share = sum[2 * SPAN] + LOAD(b + j + v * 16);
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
