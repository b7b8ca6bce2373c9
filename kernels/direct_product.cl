// What:    the outputs of a convolution, summed tap by tap and channel by channel.
// Layouts: x as direct_image.cl writes it; w [K][C][KH][KW], or [C][K][KH][KW] FLIPPED; out
//          [N][K][OH][OW].
// Parameters: NR outputs (a multiple of 16) x `places` places a piece, ROOM channels at a time, of
//          which blocks of 16 are full where C is a multiple of it (WHOLE). Where the input is
//          spread by zeros, the outputs of a phase meet the same taps and are computed together, so
//          that no zero is multiplied; a piece has `places` of each phase, whole rows, so that what
//          it stores lies side by side. A work-item takes `each` pieces.
// Used by: the planner's CPU schedule of convolutions (jairika_nb/engine/routines/direct.py).

#ifndef NR
#define NR 32
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

// 8 places' sums over a chunk of channels, added to those of the chunks before; those of each row of
// taps are made by themselves.
inline void sums(
    global const float *x, const size_t *at, global const float *u, global float *to, const int many,
    const int phase_h, const int phase_w, const int *s, const bool is_first) {
  if (is_first)
    for (int i = 0; i < 8 * NR / 16; i++) vstore16((float16)(0.0f), i, to);
  const int plane = s[PH_] * s[PW_] * 16;
  for (int a = 0; a < s[KH_]; a++) {
    const int h = phase_h * s[STEP_H_] + a * s[APART_H_] - s[PAD_H_];
    if (h % s[SPREAD_H_]) continue;
    float16 sum[8][NR / 16];
#pragma unroll
    for (int i = 0; i < 8; i++)
#pragma unroll
      for (int j = 0; j < NR / 16; j++) sum[i][j] = (float16)(0.0f);
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
#pragma unroll
    for (int i = 0; i < 8; i++)
#pragma unroll
      for (int j = 0; j < NR / 16; j++)
        vstore16(sum[i][j] + vload16(j, to + i * NR), j, to + i * NR);
  }
}

// What a piece found at `many` outputs of a sample from `begin` on, stored for 16 kernels. Places
// of a phase stand in the order of the outputs, `room` of them; `at` is the sample's first.
inline void results(
    global const float *m, global float *out, const int begin, const int many, const int at,
    const int room, const int columns, const int *s) {
  const int size = s[OH_] * s[OW_];
  for (int p = 0; p < many; p += 16) {
    // The last ones may come twice.
    const int first = begin + max(min(p, many - 16), 0), wanted = min(16, many);
    int h = first / s[OW_], w = first % s[OW_];
    int row = h / s[SPREAD_H_], column = w / s[SPREAD_W_];
    int phase_h = h % s[SPREAD_H_], phase_w = w % s[SPREAD_W_];
    float16 lanes[16];
    for (int i = 0; i < 16; i++) {
      const int place = (phase_h * s[SPREAD_W_] + phase_w) * room + at + row * columns + column;
      lanes[i] = i < wanted ? vload16(0, m + (size_t)place * NR) : (float16)(0.0f);
      if (++phase_w == s[SPREAD_W_]) phase_w = 0, column++;
      if (++w == s[OW_]) {
        w = phase_w = column = 0;
        if (++phase_h == s[SPREAD_H_]) phase_h = 0, row++;
      }
    }
    transpose16(lanes);
    global float *to = out + first;
    if (wanted == 16) {
#pragma unroll
      for (int i = 0; i < 16; i++) vstore16(lanes[i], 0, to + (size_t)i * size);
    } else {
      float each[256];
      for (int i = 0; i < 16; i++) vstore16(lanes[i], i, each);
      for (int i = 0; i < 16; i++)
        for (int j = 0; j < wanted; j++) to[(size_t)i * size + j] = each[i * 16 + j];
    }
  }
}

kernel void KERNEL_NAME(
    global float *restrict out, global const float *restrict x, global const float *restrict w,
    global float *restrict scratch, const int C, const int K, const int N, const int OH,
    const int OW, const int KH, const int KW, const int PH, const int PW, const int above,
    const int before, const int step_h, const int step_w, const int spread_h, const int spread_w,
    const int apart_h, const int apart_w, const int pad_h, const int pad_w, const int places,
    const int pieces, const int each) {
  const int s[] = {K, OH, OW, KH, KW, PH, PW, above,
                   before, step_h, step_w, spread_h, spread_w, apart_h, apart_w, pad_h, pad_w};
  // Sums are made for 8 places at a time.
  const int phases = spread_h * spread_w, groups = K / NR, room = (places + 7) / 8 * 8;
  const size_t space = (size_t)NR * (TAPS * ROOM + phases * room) + (room + 15) / 16 * 16;
  global float *u = scratch + get_global_id(0) * space;
  global float *m = u + NR * TAPS * ROOM;
  global int *where = (global int *)(m + (size_t)NR * phases * room);
  const int end = min((int)(get_global_id(0) + 1) * each, pieces);
  const int rows = (OH + spread_h - 1) / spread_h, columns = (OW + spread_w - 1) / spread_w;
  const int plane = rows * columns;
  for (int piece = get_global_id(0) * each; piece < end; piece++) {
    const int k = piece % groups * NR, first = piece / groups * places;
    const int many_places = min(places, N * plane - first);
    for (int p = 0; p < many_places; p++) {
      const int sample = (first + p) / plane, place = (first + p) % plane;
      const int row = place / columns * step_h, column = place % columns * step_w;
      where[p] = (sample * ((C + 15) / 16) * PH + row) * PW + column;
    }
    for (int c = 0; c < C; c += ROOM) {
      const int many = min(ROOM, C - c);
      for (int j = 0; j < NR; j += 16) lay_taps(w, k + j, c, many, K, C, u + j);
      for (int phase = 0; phase < phases; phase++)
        for (int p = 0; p < many_places; p += 8) {
          size_t at[8];
          // Places past the end are the last one again; they are not stored.
#pragma unroll
          for (int i = 0; i < 8; i++)
            at[i] = ((size_t)where[min(p + i, many_places - 1)] + (size_t)(c / 16) * PH * PW) * 16;
          sums(x, at, u, m + ((size_t)phase * room + p) * NR, many, phase / spread_w,
               phase % spread_w, s, c == 0);
        }
    }
    for (int p = 0; p < many_places;) {
      // A sample's outputs of all phases lie side by side; where there are several, pieces have
      // whole rows.
      const int sample = (first + p) / plane, begin = (first + p) % plane;
      const int last = min(plane, begin + many_places - p);
      const int from = phases == 1 ? begin : begin / columns * spread_h * OW;
      const int to = phases == 1 ? last : min(last / columns * spread_h, OH) * OW;
      for (int j = 0; j < NR; j += 16)
        results(m + j, out + ((size_t)sample * K + k + j) * OH * OW, from, to - from, p - begin,
                room, columns, s);
      p += last - begin;
    }
  }
}
