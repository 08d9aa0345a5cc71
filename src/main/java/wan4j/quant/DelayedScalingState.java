package wan4j.quant;

import java.util.Arrays;
import wan4j.tensor.Float8;

/// The scale of one tensor under delayed scaling: it follows from the largest magnitudes of the
/// last 16 forwards, so that a forward can quantise before its own magnitude is known. Activations
/// have one state for each layer, guidance branch and expert; a forward that a cache skips does not
/// touch it.
///
/// Follows NVIDIA/TransformerEngine d0067d0, common/recipe/delayed_scaling.cu, but for `calibrate`:
/// there the first forwards run at scale 1 and clip.
public final class DelayedScalingState {
  /// The number of magnitudes that are remembered.
  public static final int HISTORY = 16;

  /// The number of values that are saved.
  public static final int SAVED = HISTORY + 2;

  // slot 0 takes the magnitude of the forward under way; the others go from oldest to newest
  private final float[] history = new float[HISTORY];
  private float scale = 1f;
  private boolean isCalibrated;

  /// Returns the factor for the next forward.
  public float scale() {
    return scale;
  }

  /// Says whether a scale has been chosen from real magnitudes yet.
  public boolean isCalibrated() {
    return isCalibrated;
  }

  /// Chooses the first scale by the tensor's own largest magnitude, so that nothing is clipped
  /// before the history has begun; does nothing afterwards, nor for zero, infinity or NaN.
  public void calibrate(float largestMagnitude) {
    if (!isCalibrated && largestMagnitude > 0f && Float.isFinite(largestMagnitude)) {
      scale = ScaleRule.EXACT.scale(largestMagnitude);
      isCalibrated = true;
    }
  }

  /// Records the largest magnitude of a tensor quantised in the current forward.
  public void record(float largestMagnitude) {
    // NaN loses the comparison, as in the device's fmax
    if (largestMagnitude > history[0]) {
      history[0] = largestMagnitude;
    }
  }

  /// Ends the forward: moves the history on and chooses the next scale. A forward of zeros leaves
  /// both alone; an infinite magnitude keeps the scale until it has left the history.
  public void update() {
    float newest = history[0];
    if (newest == 0f) {
      return;
    }
    float largest = newest;
    for (int i = 1; i < HISTORY; i++) {
      largest = Math.max(largest, history[i]);
    }
    System.arraycopy(history, 2, history, 1, HISTORY - 2);
    history[HISTORY - 1] = newest;
    history[0] = 0f;
    if (Float.isFinite(largest)) {
      scale = Math.min(Float8.MAX_E4M3 / largest, Float.MAX_VALUE);
      isCalibrated = true;
    }
  }

  /// Returns all that the next forwards depend on: scale, whether it is calibrated, history.
  public float[] saved() {
    float[] saved = new float[SAVED];
    saved[0] = scale;
    saved[1] = isCalibrated ? 1 : 0;
    System.arraycopy(history, 0, saved, 2, HISTORY);
    return saved;
  }

  /// Goes on from what [#saved] returned.
  public void restore(float[] saved) {
    scale = saved[0];
    isCalibrated = saved[1] != 0;
    System.arraycopy(saved, 2, history, 0, HISTORY);
  }

  /// Returns a copy of the history: the slot of the forward under way, then from oldest to newest.
  public float[] history() {
    return Arrays.copyOf(history, HISTORY);
  }
}
