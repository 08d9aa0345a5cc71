package wan4j.pipeline;

import wan4j.tensor.Tensor;

/// Which features of a sound each frame of a video has: those of wav2vec2, about 50 a second,
/// become 30 a second, of which every frame takes the nearest (Wan-Video/Wan2.2 at 42bf4cf,
/// wan/modules/s2v/audio_encoder.py, `linear_interpolation` and `get_audio_embed_bucket_fps`).
public final class SoundFeatures {
  private static final double STATES_PER_SECOND = 50; // slightly less in truth, and not corrected
  private static final double RATE = 30;

  private static final int STATE_SAMPLES = 400; // that wav2vec2 makes its first state of
  private static final int STATE_STRIDE = 320;

  private SoundFeatures() {}

  /// Returns how many features 30 a second has a sound of so many samples at 16 kHz; 0 where they
  /// are too few for any.
  public static int count(long samples) {
    return features(states(samples));
  }

  /// Returns how many states wav2vec2 makes of so many samples at 16 kHz.
  static int states(long samples) {
    return samples < STATE_SAMPLES
        ? 0
        : Math.toIntExact((samples - STATE_SAMPLES) / STATE_STRIDE + 1);
  }

  private static int features(int states) {
    return (int) (states / STATES_PER_SECOND * RATE);
  }

  /// Returns how many states from the first on so many frames of a video hear of a sound with so
  /// many.
  static int heardStates(int states, long frames, int framesPerSecond) {
    int features = features(states);
    long last = Math.min(index(frames - 1, framesPerSecond), features - 1L);
    return last < 0 ? 0 : (int) Math.min(states, (long) (last * scale(states)) + 2);
  }

  private static double scale(int states) {
    int features = features(states);
    return features > 1 ? (double) (states - 1) / (features - 1) : 0;
  }

  private static long index(long frame, int framesPerSecond) {
    return (long) Math.rint((double) frame / framesPerSecond * RATE);
  }

  /// Returns what frames of a video from number `first` on hear of a sound with `count` states, of
  /// which host float32 `states [states, dim]` has at least those that are heard, as `[dim,
  /// frames]`: what [#resample], [#indices] and [#ofFrames] give, without the features of other
  /// frames. Zeros stand for what is after the sound's end.
  static Tensor heard(Tensor states, int count, long first, int frames, int framesPerSecond) {
    int dim = states.length(1);
    int features = features(count);
    double scale = scale(count);
    float[] target = new float[Math.multiplyExact(dim, frames)];
    for (int frame = 0; frame < frames; frame++) {
      long index = index(first + frame, framesPerSecond);
      if (index >= features) {
        break;
      }
      int before = (int) (index * scale);
      float weight = (float) (index * scale - before);
      float[] one = states.at(before).toFloats();
      float[] other = states.at(Math.min(before + 1, count - 1)).toFloats();
      for (int i = 0; i < dim; i++) {
        target[i * frames + frame] = (1 - weight) * one[i] + weight * other[i];
      }
    }
    return Tensor.of(target, dim, frames);
  }

  /// Returns host float32 states `[states, dim]` as 30 features a second, `[features, dim]`: linear
  /// between neighbours, first and last as they are.
  public static Tensor resample(Tensor states) {
    int count = states.length(0);
    int dim = states.length(1);
    int features = features(count);
    float[] source = states.toFloats();
    float[] target = new float[Math.multiplyExact(features, dim)];
    double scale = features > 1 ? (double) (count - 1) / (features - 1) : 0;
    for (int i = 0; i < features; i++) {
      int before = (int) (i * scale);
      int after = Math.min(before + 1, count - 1);
      float weight = (float) (i * scale - before);
      for (int j = 0; j < dim; j++) {
        target[i * dim + j] =
            (1 - weight) * source[before * dim + j] + weight * source[after * dim + j];
      }
    }
    return Tensor.of(target, features, dim);
  }

  /// Returns how many clips of so many frames a sound of so many features fills, the last one
  /// partly.
  public static int clips(int features, int clipFrames, int framesPerSecond) {
    return (int) (features / (clipFrames * (RATE / framesPerSecond))) + 1;
  }

  /// Returns the feature of each of the first frames, -1 where the sound has ended; halves go to
  /// the even one.
  public static int[] indices(int features, int frames, int framesPerSecond) {
    int[] indices = new int[frames];
    for (int frame = 0; frame < frames; frame++) {
      int index = (int) Math.rint((double) frame / framesPerSecond * RATE);
      indices[frame] = index < features ? index : -1;
    }
    return indices;
  }

  /// Returns the features `[features, dim]` of frames, `[frames, dim]`: zeros where the sound has
  /// ended.
  public static Tensor ofFrames(Tensor features, int[] indices) {
    int dim = features.length(1);
    float[] source = features.toFloats();
    float[] target = new float[Math.multiplyExact(indices.length, dim)];
    for (int frame = 0; frame < indices.length; frame++) {
      if (indices[frame] >= 0) {
        System.arraycopy(source, indices[frame] * dim, target, frame * dim, dim);
      }
    }
    return Tensor.of(target, indices.length, dim);
  }
}
