// What:    the outputs of a 3 x 3 convolution from transformed images: a product of matrices for
//          each of the 36 places, the kernels transformed on the way, the results turned back.
// Layouts: v as winograd_image.cl writes it, or x [N][C][H][W] where a piece transforms its tiles
//          itself (FUSED); w [K][C][3][3], or [C][K][3][3] seen from the other
//          side (FLIPPED); out [N][K][OH][OW]. What stands for one of the 36 places is followed by a
//          line more, so that they do not meet in one set of a cache.
// Parameters: NR outputs (a multiple of 16) at a time, `chunk` channels, SUMMED (a multiple of 16) in
//          registers: errors of longer sums would be multiplied by five; a piece is `strip` rows of
//          `wide` tiles of `group` samples, `tiles` at most, for all outputs (FUSED) or for NR. The
//          `workers`, of `size` numbers of scratch each, take pieces in turn, and keep the
//          transformed kernels of all outputs (`kept`), or of the last ones; `aside` numbers are for
//          what is turned.
// Used by: the planner's CPU schedule of 3 x 3 convolutions (jairika_nb/engine/routines/winograd.py).

#ifndef NR
#define NR 32
#endif
#ifndef FUSED
#define FUSED 0
#endif
#ifndef SUMMED
#define SUMMED 32
#endif

// The transformed kernels of a chunk: [36][channels][NR].
inline void kernels(
    global const float *w, const int first_k, const int first_c, const int channels, const int K,
    const int C, global float *found, global float *to, const size_t place_u) {
  for (int start = 0; start < channels; start += ROOM - 1) {
    const int many = min(ROOM - 1, channels - start);
    for (int j = 0; j < NR; j += 16) {
      lay_taps(w, first_k + j, first_c + start, many, K, C, found + j);
      for (int c = 0; c < many; c++) {
        float16 tap[9], middle[18], done[6];
#pragma unroll
        for (int i = 0; i < 9; i++) tap[i] = vload16(0, found + (i * ROOM + c) * NR + j);
#pragma unroll
        for (int i = 0; i < 3; i++)
          of_factor(tap[i], tap[3 + i], tap[6 + i], V(0.0f), false, middle + i, 3);
#pragma unroll
        for (int i = 0; i < 6; i++) {
          const float16 *x = middle + i * 3;
          of_factor(x[0], x[1], x[2], V(0.0f), false, done, 1);
#pragma unroll
          for (int f = 0; f < 6; f++)
            vstore16(done[f], 0, to + (i * 6 + f) * place_u + (start + c) * NR + j);
        }
      }
    }
  }
}

// 8 tiles' sums over some channels, added to those of the channels before.
inline void sums(
    global const float *v, global const float *u, global float *to, const int many,
    const size_t apart, const bool is_first) {
  float16 sum[8][NR / 16];
#pragma unroll
  for (int i = 0; i < 8; i++)
#pragma unroll
    for (int j = 0; j < NR / 16; j++) sum[i][j] = (float16)(0.0f);
  for (int block = 0; block < many; block += 16) {
    for (int c = 0; c < 16; c++) {
      float16 row[NR / 16];
#pragma unroll
      for (int j = 0; j < NR / 16; j++) row[j] = vload16(j, u + c * NR);
#pragma unroll
      for (int i = 0; i < 8; i++) {
        const float16 one = (float16)(v[i * 16 + c]);
#pragma unroll
        for (int j = 0; j < NR / 16; j++) sum[i][j] = fma(one, row[j], sum[i][j]);
      }
    }
    v += apart;
    u += 16 * NR;
  }
#pragma unroll
  for (int i = 0; i < 8; i++)
#pragma unroll
    for (int j = 0; j < NR / 16; j++)
      vstore16(is_first ? sum[i][j] : sum[i][j] + vload16(j, to + i * NR), j, to + i * NR);
}

// 16 planes' places that follow each other, from vectors with the planes as lanes.
inline void turned(global const float *from, global float *to, const size_t plane, const int many) {
  if (many < 16) {
    for (int p = 0; p < many; p++)
      for (int i = 0; i < 16; i++) to[i * plane + p] = from[p * 16 + i];
    return;
  }
  for (int p = 0; p < many; p += 16) {
    // The last ones may come twice.
    const int at = min(p, many - 16);
    float16 lanes[16];
#pragma unroll
    for (int i = 0; i < 16; i++) lanes[i] = vload16(at + i, from);
    transpose16(lanes);
#pragma unroll
    for (int i = 0; i < 16; i++) vstore16(lanes[i], 0, to + i * plane + at);
  }
}

// Rows of `wide` tiles of 16 kernels, from sums `place_m` apart: each row's outputs are first laid
// side by side.
inline void outputs(
    global const float *from, const size_t place_m, global float *rows, global float *to,
    const int top, const int low, const int left, const int wide, const int OH, const int OW) {
  const int width = min(wide * 4, OW - left * 4);
  for (int th = top; th < low; th++) {
    const int high = min(4, OH - th * 4);
    for (int tw = 0; tw < wide; tw++, from += NR) {
      float16 middle[24], done[4];
#pragma unroll
      for (int j = 0; j < 6; j++) {
        float16 column[6];
#pragma unroll
        for (int i = 0; i < 6; i++) column[i] = vload16(0, from + (i * 6 + j) * place_m);
        back(column, middle + j, 1, 6, true);
      }
#pragma unroll
      for (int i = 0; i < 4; i++) {
        back(middle + i * 6, done, 1, 1, true);
#pragma unroll
        for (int j = 0; j < 4; j++)
          if (i < high && tw * 4 + j < width) vstore16(done[j], i * width + tw * 4 + j, rows);
      }
    }
    global float *at = to + (size_t)th * 4 * OW + left * 4;
    if (width == OW)
      turned(rows, at, (size_t)OH * OW, high * OW);
    else
      for (int i = 0; i < high; i++)
        turned(rows + i * width * 16, at + i * OW, (size_t)OH * OW, width);
  }
}

kernel void KERNEL_NAME(
    global float *restrict out, global const float *restrict x, global const float *restrict w,
    global float *restrict scratch, volatile global int *counter, const int C, const int K,
    const int OH, const int OW, const int TH, const int TW, const int N, const int H, const int W,
    const int above, const int before, const int room, const int strip, const int wide,
    const int group, const int tiles, const int chunk, const int kept, const int aside,
    const int size, const int pieces, const int workers) {
  const int worker = atomic_inc(counter + 1);
  const size_t place_u = chunk * NR + 16, place_m = tiles * NR + 16;
  const size_t place_v = (size_t)C * room + 16, apart = (size_t)room * 16;
  global float *rows = scratch + (size_t)worker * size, *found = rows;
  global float *m = rows + aside, *v = m + 36 * place_m;
  global float *u = v + (FUSED ? 36 * place_v : 0);
  const int strips = (TH + strip - 1) / strip, segments = (TW + wide - 1) / wide;
  const int parts = strips * segments * ((N + group - 1) / group);
  bool is_new = true;
  int known = -1;
  while (worker < workers) {
    const int piece = atomic_inc(counter + 2);
    if (piece >= pieces) break;
    const int part = piece % parts, sample = part / segments / strips * group;
    const int top = part / segments % strips * strip, low = min(top + strip, TH);
    const int left = part % segments * wide, across = min(wide, TW - left);
    const int samples = min(group, N - sample), many = (low - top) * across;
    global const float *from = x + (((size_t)sample * TH + top) * TW + left) * 16;
    if (FUSED) {
      for (int s = 0; s < samples; s++)
        for (int c = 0; c < C; c += 16)
          tiles_of(x + ((size_t)(sample + s) * C + c) * H * W, rows,
                   v + (size_t)c * room + s * many * 16, place_v, H, W, TW, top, low, above, before,
                   6);
      from = v;
    }
    const int first_k = FUSED ? 0 : piece / parts * NR;
    for (int k = first_k; k < (FUSED ? K : first_k + NR); k += NR) {
      global float *mine = u + (kept ? k / NR * 36 * place_u : 0);
      for (int c = 0; c < C; c += chunk) {
        const int channels = min(chunk, C - c);
        if (kept ? is_new : k != known || chunk < C)
          kernels(w, k, c, channels, K, C, found, mine, place_u);
        // What meets in these loops fits into a first cache.
        for (int f = 0; f < 36; f++)
          for (int b = 0; b < channels; b += SUMMED)
            for (int t = 0; t < samples * many; t += 8)
              sums(from + f * place_v + (c + b) / 16 * apart + t * 16, mine + f * place_u + b * NR,
                   m + f * place_m + t * NR, min(SUMMED, channels - b), apart, c + b == 0);
      }
      known = k;
      for (int s = 0; s < samples; s++)
        for (int j = 0; j < NR; j += 16)
          outputs(m + s * many * NR + j, place_m, rows,
                  out + ((size_t)(sample + s) * K + k + j) * OH * OW, top, low, left, across, OH,
                  OW);
    }
    is_new = false;
  }
  if (atomic_inc(counter + 3) == (int)get_global_size(0) - 1)
    counter[1] = counter[2] = counter[3] = 0;
}
