// What:    16 kernels' taps as vectors with the kernels as lanes.
// Layouts: w [K][C][TAPS], or [C][K][TAPS] seen from the other side (FLIPPED); `to` is
//          [TAPS][ROOM][NR].
// Parameters: TAPS, FLIPPED, ROOM and NR.
// Used by: put before templates of convolutions (jairika_nb/engine/routines/direct.py, winograd.py).

#ifndef TAPS
#define TAPS 9
#endif
#ifndef FLIPPED
#define FLIPPED 0
#endif

// The taps of `many` channels from `c` on.
inline void lay_taps(
    global const float *w, const int k, const int c, const int many, const int K, const int C,
    global float *to) {
  float16 lanes[16];
#if FLIPPED
  for (int i = 0; i < many; i++) {
    global const float *from = w + ((size_t)(c + i) * K + k) * TAPS;
    for (int part = 0; part < TAPS; part += 16) {
      if (c + i + 1 == C && k + 16 == K) {
        // Beyond the last kernel nothing may be read.
        for (int j = 0; j < 16; j++) {
          float each[16];
          for (int t = 0; t < 16; t++)
            each[t] = part + t < TAPS ? from[j * TAPS + part + t] : 0.0f;
          lanes[j] = vload16(0, each);
        }
      } else {
#pragma unroll
        for (int j = 0; j < 16; j++) lanes[j] = vload16(0, from + j * TAPS + part);
      }
      transpose16(lanes);
#pragma unroll
      for (int t = 0; t < 16; t++)
        if (part + t < TAPS)
          vstore16(lanes[t], 0, to + ((size_t)(TAPS - 1 - part - t) * ROOM + i) * NR);
    }
  }
#else
  for (int part = 0; part < many * TAPS; part += 16) {
    if (part + 16 <= many * TAPS) {
#pragma unroll
      for (int i = 0; i < 16; i++)
        lanes[i] = vload16(0, w + ((size_t)(k + i) * C + c) * TAPS + part);
    } else {
      for (int i = 0; i < 16; i++) {
        float each[16];
        for (int t = 0; t < 16; t++)
          each[t] =
              part + t < many * TAPS ? w[((size_t)(k + i) * C + c) * TAPS + part + t] : 0.0f;
        lanes[i] = vload16(0, each);
      }
    }
    transpose16(lanes);
#pragma unroll
    for (int i = 0; i < 16; i++) {
      const int channel = (part + i) / TAPS, tap = (part + i) % TAPS;
      if (channel < many) vstore16(lanes[i], 0, to + ((size_t)tap * ROOM + channel) * NR);
    }
  }
#endif
}
