// What:    the outputs of a convolution, summed tap by tap and channel by channel.
// Layouts: x as direct_image.cl writes it; w [K][C][KH][KW], or [C][K][KH][KW] FLIPPED; out
//          [N][K][OH][OW].
// Parameters: NR outputs (a multiple of 16) x PLACES places a piece, ROOM channels at a time, of
//          which blocks of 16 are full where C is a multiple of it (WHOLE). Where
//          the input is spread by zeros, the outputs of a phase meet the same taps and are computed
//          together, so that no zero is multiplied. A work-item takes `each` pieces.
// Used by: the planner's CPU schedule of convolutions (jairika_nb/engine/routines/direct.py).

#ifndef NR
#define NR 32
#endif
#ifndef PLACES
#define PLACES 256
#endif
#ifndef ROOM
#define ROOM 64
#endif
#ifndef WHOLE
#define WHOLE 1
#endif

// Where each size stands among those that functions are given.
#define K_ 0
#define OH_ 1
#define OW_ 2
#define KH_ 3
#define KW_ 4
#define PH_ 5
#define PW_ 6
#define ABOVE_ 7
#define BEFORE_ 8
#define STEP_H_ 9
#define STEP_W_ 10
#define SPREAD_H_ 11
#define SPREAD_W_ 12
#define APART_H_ 13
#define APART_W_ 14
#define PAD_H_ 15
#define PAD_W_ 16

// 8 places' sums over a chunk of channels, added to those of the chunks before.
inline void sums(
    global const float *x, const size_t *at, global const float *u, global float *to, const int many,
    const int phase_h, const int phase_w, const int *s, const bool is_first) {
  float16 sum[8][NR / 16];
#pragma unroll
  for (int i = 0; i < 8; i++)
#pragma unroll
    for (int j = 0; j < NR / 16; j++)
      sum[i][j] = is_first ? (float16)(0.0f) : vload16(j, to + i * NR);
  const int plane = s[PH_] * s[PW_] * 16;
  for (int a = 0; a < s[KH_]; a++) {
    const int h = phase_h * s[STEP_H_] + a * s[APART_H_] - s[PAD_H_];
    if (h % s[SPREAD_H_]) continue;
    for (int b = 0; b < s[KW_]; b++) {
      const int w = phase_w * s[STEP_W_] + b * s[APART_W_] - s[PAD_W_];
      if (w % s[SPREAD_W_]) continue;
      const int shift = ((h / s[SPREAD_H_] + s[ABOVE_]) * s[PW_] + w / s[SPREAD_W_] + s[BEFORE_]) * 16;
      global const float *row = u + (size_t)(a * s[KW_] + b) * ROOM * NR;
      for (int block = 0; block < many; block += 16) {
        global const float *v[8];
#pragma unroll
        for (int i = 0; i < 8; i++) v[i] = x + at[i] + (shift + block / 16 * plane);
        for (int c = 0; c < (WHOLE ? 16 : min(16, many - block)); c++) {
          float16 one[NR / 16];
#pragma unroll
          for (int j = 0; j < NR / 16; j++) one[j] = vload16(j, row + (block + c) * NR);
#pragma unroll
          for (int i = 0; i < 8; i++) {
            const float16 factor = (float16)(v[i][c]);
#pragma unroll
            for (int j = 0; j < NR / 16; j++) sum[i][j] = fma(factor, one[j], sum[i][j]);
          }
        }
      }
    }
  }
#pragma unroll
  for (int i = 0; i < 8; i++)
#pragma unroll
    for (int j = 0; j < NR / 16; j++) vstore16(sum[i][j], j, to + i * NR);
}

// 16 places' results for 16 kernels.
inline void results(
    global const float *from, global float *out, const int first, const int last, const int k,
    const int rows, const int columns, const int phase_h, const int phase_w, const int *s) {
  float16 lanes[16];
#pragma unroll
  for (int i = 0; i < 16; i++) lanes[i] = vload16(0, from + i * NR);
  transpose16(lanes);
  const int size = s[OH_] * s[OW_], inside = first % size;
  if (s[SPREAD_H_] * s[SPREAD_W_] == 1 && inside + 16 <= size && first + 16 <= last) {
    global float *to = out + ((size_t)(first / size) * s[K_] + k) * size + inside;
#pragma unroll
    for (int i = 0; i < 16; i++) vstore16(lanes[i], 0, to + (size_t)i * size);
    return;
  }
  float each[256];
  for (int i = 0; i < 16; i++) vstore16(lanes[i], i, each);
  for (int j = 0; j < min(16, last - first); j++) {
    const int place = (first + j) % (rows * columns), sample = (first + j) / (rows * columns);
    const int h = place / columns * s[SPREAD_H_] + phase_h;
    const int w = place % columns * s[SPREAD_W_] + phase_w;
    global float *to = out + ((size_t)sample * s[K_] + k) * size + h * s[OW_] + w;
    for (int i = 0; i < 16; i++) to[(size_t)i * size] = each[i * 16 + j];
  }
}

kernel void KERNEL_NAME(
    global float *restrict out, global const float *restrict x, global const float *restrict w,
    global float *restrict scratch, const int C, const int K, const int N, const int OH,
    const int OW, const int KH, const int KW, const int PH, const int PW, const int above,
    const int before, const int step_h, const int step_w, const int spread_h, const int spread_w,
    const int apart_h, const int apart_w, const int pad_h, const int pad_w, const int parts,
    const int pieces, const int each) {
  const int s[] = {K, OH, OW, KH, KW, PH, PW, above,
                   before, step_h, step_w, spread_h, spread_w, apart_h, apart_w, pad_h, pad_w};
  global float *u = scratch + (size_t)get_global_id(0) * NR * (TAPS * ROOM + PLACES);
  global float *m = u + NR * TAPS * ROOM;
  const int end = min((int)(get_global_id(0) + 1) * each, pieces), groups = K / NR;
  for (int piece = get_global_id(0) * each; piece < end; piece++) {
    const int k = piece % groups * NR, phase = piece / groups / parts;
    const int phase_h = phase / spread_w, phase_w = phase % spread_w;
    const int rows = (OH - phase_h + spread_h - 1) / spread_h;
    const int columns = (OW - phase_w + spread_w - 1) / spread_w;
    const int first = piece / groups % parts * PLACES;
    const int last = min(first + PLACES, N * rows * columns);
    for (int c = 0; c < C; c += ROOM) {
      const int many = min(ROOM, C - c);
      if (first < last)
        for (int j = 0; j < NR; j += 16) lay_taps(w, k + j, c, many, K, C, u + j);
      for (int p = first; p < last; p += 8) {
        size_t at[8];
#pragma unroll
        for (int i = 0; i < 8; i++) {
          // Places past the end are the last one again; they are not stored.
          const int q = min(p + i, last - 1), place = q % (rows * columns);
          const int row = place / columns * step_h, column = place % columns * step_w;
          at[i] = (((size_t)(q / (rows * columns)) * ((C + 15) / 16) + c / 16) * PH * PW + row * PW + column) * 16;
        }
        sums(x, at, u, m + (p - first) * NR, many, phase_h, phase_w, s, c == 0);
      }
    }
    for (int p = first; p < last; p += 16)
      for (int j = 0; j < NR; j += 16)
        results(m + (p - first) * NR + j, out, p, last, k + j, rows, columns, phase_h, phase_w, s);
  }
}
