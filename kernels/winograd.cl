// What:    the transforms of Winograd's convolution F(4 x 4, 3 x 3) at the points
//          0, NEAR, -NEAR, FAR, -FAR and infinity (S. Winograd 1980; A. Lavin & S. Gray, "Fast
//          algorithms for convolutional neural networks", 2016), on 16 channels or outputs at once.
// Layouts: a transform gives values `step` vectors apart. Tiles become [36][blocks][room]
//          vectors of 16 channels, in the order of samples, rows and columns.
// Parameters: NEAR and FAR; they are short binary fractions near 1, which keeps rounding errors low
//          (B. Barabasz et al., "Error analysis and improving the accuracy of Winograd convolution
//          for deep neural networks", 2020).
// Used by: put before the other winograd templates (jairika_nb/engine/routines/winograd.py).

#ifndef NEAR
#define NEAR 0.625f
#endif
#ifndef FAR
#define FAR 1.5f
#endif
#define NEAR2 (NEAR * NEAR)
#define FAR2 (FAR * FAR)
// What interpolation divides by, at each pair of points.
#define AT_ZERO (1.0f / (NEAR2 * FAR2))
#define AT_NEAR (0.5f / (NEAR2 * (NEAR2 - FAR2)))
#define AT_FAR (0.5f / (FAR2 * (FAR2 - NEAR2)))
#define V(x) ((float16)(x))

// Six values of an image, side by side.
inline void of_image(const float16 *x, float16 *y, const int step) {
  const float16 x1 = x[1], x2 = x[2], x3 = x[3], x4 = x[4];
  const float16 even = fma(V(-FAR2), x2, x4), odd = V(NEAR) * fma(V(-FAR2), x1, x3);
  const float16 even2 = fma(V(-NEAR2), x2, x4), odd2 = V(FAR) * fma(V(-NEAR2), x1, x3);
  y[0] = fma(V(NEAR2 * FAR2), x[0], fma(V(-NEAR2 - FAR2), x2, x4));
  y[step] = even + odd;
  y[2 * step] = even - odd;
  y[3 * step] = even2 + odd2;
  y[4 * step] = even2 - odd2;
  y[5 * step] = fma(V(NEAR2 * FAR2), x1, fma(V(-NEAR2 - FAR2), x3, x[5]));
}

// Three values of a kernel (`last` = 0), or four of a cotangent.
inline void of_factor(
    const float16 a, const float16 b, const float16 c, const float16 last, const bool four,
    float16 *y, const int step) {
  const float16 even = V(AT_NEAR) * fma(V(NEAR2), c, a);
  const float16 odd = V(AT_NEAR * NEAR) * (four ? fma(V(NEAR2), last, b) : b);
  const float16 even2 = V(AT_FAR) * fma(V(FAR2), c, a);
  const float16 odd2 = V(AT_FAR * FAR) * (four ? fma(V(FAR2), last, b) : b);
  y[0] = V(AT_ZERO) * a;
  y[step] = even + odd;
  y[2 * step] = even - odd;
  y[3 * step] = even2 + odd2;
  y[4 * step] = even2 - odd2;
  y[5 * step] = four ? last : c;
}

// Back to four outputs, or to three taps.
inline void back(const float16 *x, float16 *y, const int step, const int to, const bool four) {
  const float16 even = x[step] + x[2 * step], odd = x[step] - x[2 * step];
  const float16 even2 = x[3 * step] + x[4 * step], odd2 = x[3 * step] - x[4 * step];
  const float16 third = fma(V(FAR2), even2, V(NEAR2) * even);
  y[0] = x[0] + (even + even2);
  y[to] = fma(V(FAR), odd2, V(NEAR) * odd);
  y[2 * to] = four ? third : third + x[5 * step];
  if (four) y[3 * to] = fma(V(FAR2 * FAR), odd2, fma(V(NEAR2 * NEAR), odd, x[5 * step]));
}

// The tiles of some rows of 16 planes: 6 x 6 of an image for every 4 x 4 outputs (`take` = 6), or
// those of the 4 x 4 cotangents (`take` = 4). On the way the planes are turned so that channels are
// lanes, with zeros around them: `rows`, 4 * TW + take - 4 vectors wide.
inline void tiles_of(
    global const float *planes, global float *rows, global float *to, const size_t apart,
    const int H, const int W, const int TW, const int first, const int last, const int above,
    const int before, const int take) {
  const int wide = 4 * TW + take - 4, high = 4 * (last - first) + take - 4;
  const int top = first * 4 - above, right = W + before;
  int next = clamp(top, 0, H) * W;
  for (int th = 0; th < last - first; th++) {
    for (int row = th ? th * 4 + take - 4 : 0; row < th * 4 + take; row++) {
      const bool inside = top + row >= 0 && top + row < H;
      const int begin = inside ? min(before, wide) : wide;
      for (int i = 0; i < begin; i++) vstore16(V(0.0f), row * wide + i, rows);
      for (int i = max(right, begin); i < wide; i++) vstore16(V(0.0f), row * wide + i, rows);
    }
    for (; next < clamp(top + th * 4 + take, 0, H) * W; next += 16) {
      // The last ones may come twice; a plane has 16 places at least.
      const int place = min(next, H * W - 16);
      float16 lanes[16];
#pragma unroll
      for (int i = 0; i < 16; i++) lanes[i] = vload16(0, planes + (size_t)i * H * W + place);
      transpose16(lanes);
      int row = place / W - top, column = place % W + before;
#pragma unroll
      for (int i = 0; i < 16; i++) {
        if (row >= 0 && row < high && column >= 0 && column < wide)
          vstore16(lanes[i], row * wide + column, rows);
        if (++column == right) {
          column = before;
          row++;
        }
      }
    }
    for (int tw = 0; tw < TW; tw++, to += 16) {
      global const float *from = rows + (size_t)(th * wide + tw) * 64;
      float16 middle[36], done[6];
#pragma unroll
      for (int j = 0; j < take; j++) {
        float16 x[6];
#pragma unroll
        for (int i = 0; i < take; i++) x[i] = vload16(i * wide + j, from);
        if (take == 6)
          of_image(x, middle + j, take);
        else
          of_factor(x[0], x[1], x[2], x[3], true, middle + j, take);
      }
#pragma unroll
      for (int i = 0; i < 6; i++) {
        const float16 *x = middle + i * take;
        if (take == 6)
          of_image(x, done, 1);
        else
          of_factor(x[0], x[1], x[2], x[3], true, done, 1);
#pragma unroll
        for (int j = 0; j < 6; j++) vstore16(done[j], 0, to + (i * 6 + j) * apart);
      }
    }
  }
}
