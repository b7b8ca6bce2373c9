// What:    the derivative of a convolution's kernels: for each tap the product of what it saw with
//          the cotangents, summed over samples and places.
// Layouts: x and g [N][K / 16][OH][OW][16] as direct_image.cl writes them; out
//          [parts][K][C][KH][KW].
// Parameters: NR kernels (a multiple of 16) x 16 channels x `span` samples a piece, `block` samples
//          at a time; a work-item takes `each` pieces.
// Used by: the planner's CPU schedule of convolutions (jairika_nb/engine/routines/direct.py).

#ifndef NR
#define NR 32
#endif
#ifndef TAPS
#define TAPS 9
#endif

// Sums of 8 channels with NR kernels over samples and places, added to those before.
inline void sums(
    global const float *x, global const float *g, global float *to, const int samples,
    const int OH, const int OW, const size_t row, const int step, const size_t apart_x,
    const size_t apart_g, const bool is_first) {
  float16 sum[8][NR / 16];
#pragma unroll
  for (int i = 0; i < 8; i++)
#pragma unroll
    for (int j = 0; j < NR / 16; j++)
      sum[i][j] = (float16)(0.0f);
  for (int n = 0; n < samples; n++)
    for (int h = 0; h < OH; h++) {
      global const float *v = x + n * apart_x + h * row, *u = g + n * apart_g + h * OW * 16;
      for (int w = 0; w < OW; w++) {
        float16 one[NR / 16];
#pragma unroll
        for (int j = 0; j < NR / 16; j++) one[j] = vload16(0, u + (size_t)j * OH * OW * 16);
#pragma unroll
        for (int i = 0; i < 8; i++) {
          const float16 factor = (float16)(v[i]);
#pragma unroll
          for (int j = 0; j < NR / 16; j++) sum[i][j] = fma(factor, one[j], sum[i][j]);
        }
        v += step;
        u += 16;
      }
    }
#pragma unroll
  for (int i = 0; i < 8; i++)
#pragma unroll
    for (int j = 0; j < NR / 16; j++)
      vstore16(is_first ? sum[i][j] : sum[i][j] + vload16(j, to + i * NR), j, to + i * NR);
}

kernel void KERNEL_NAME(
    global float *restrict out, global const float *restrict x, global const float *restrict g,
    global float *restrict scratch, const int C, const int K, const int N, const int OH,
    const int OW, const int KW, const int PH, const int PW, const int corner, const int step_h,
    const int step_w, const int apart_h, const int apart_w, const int span, const int block,
    const int pieces, const int each) {
  global float *m = scratch + (size_t)get_global_id(0) * TAPS * 16 * NR;
  const int end = min((int)(get_global_id(0) + 1) * each, pieces);
  const int groups = K / NR, blocks = (C + 15) / 16;
  for (int piece = get_global_id(0) * each; piece < end; piece++) {
    const int k = piece % groups * NR, c = piece / groups % blocks, part = piece / groups / blocks;
    const int last = min((part + 1) * span, N);
    const size_t apart_x = (size_t)blocks * PH * PW * 16, apart_g = (size_t)K * OH * OW;
    for (int n = part * span; n < last; n += block)
      for (int tap = 0; tap < TAPS; tap++)
        for (int i = 0; i < min(16, C - c * 16); i += 8)
          sums(x + n * apart_x + ((size_t)c * PH * PW + corner + tap / KW * apart_h * PW +
               tap % KW * apart_w) * 16 + i,
               g + n * apart_g + (size_t)k * OH * OW, m + (tap * 16 + i) * NR,
               min(block, last - n), OH, OW, (size_t)step_h * PW * 16, step_w * 16, apart_x,
               apart_g, n == part * span);
    for (int j = 0; j < NR; j += 16)
      for (int begin = 0; begin < 16 * TAPS; begin += 16) {
        float16 lanes[16];
#pragma unroll
        for (int i = 0; i < 16; i++) {
          const int channel = (begin + i) / TAPS, tap = (begin + i) % TAPS;
          lanes[i] = vload16(0, m + (tap * 16 + channel) * NR + j);
        }
        transpose16(lanes);
        global float *to = out + (((size_t)part * K + k + j) * C + c * 16) * TAPS + begin;
        const int left = (C - c * 16) * TAPS - begin;
        if (left >= 16) {
#pragma unroll
          for (int i = 0; i < 16; i++) vstore16(lanes[i], 0, to + (size_t)i * C * TAPS);
        } else if (left > 0) {
          float each[256];
          for (int i = 0; i < 16; i++) vstore16(lanes[i], i, each);
          for (int i = 0; i < 16; i++)
            for (int t = 0; t < left; t++) to[(size_t)i * C * TAPS + t] = each[i * 16 + t];
        }
      }
  }
}
