package wan4j.verify;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// The distance of one video from another, and of the latents of their steps where they are known.
///
/// @param video the metrics of the frames
/// @param steps the relative distance of the latents after each step; empty where they are not
///   known
public record VideoComparison(VideoMetrics video, List<Double> steps) {
  /// Copies the list.
  public VideoComparison {
    steps = List.copyOf(steps);
  }

  /// Compares two videos of unsigned bytes `[frames, height, width, 3]`; throws `InputException`
  /// when their shapes differ.
  public static VideoComparison of(Tensor made, Tensor expected) {
    return new VideoComparison(VideoMetrics.compare(made, expected), List.of());
  }

  /// Compares two requests by their frames and by the latents of each step, in host memory; throws
  /// `InputException` when their shapes differ.
  public static VideoComparison of(
      Tensor made, List<Tensor> madeSteps, Tensor expected, List<Tensor> expectedSteps) {
    if (madeSteps.size() != expectedSteps.size()) {
      throw new InputException(
          "cannot compare %d steps with %d; give two requests of the same steps"
              .formatted(madeSteps.size(), expectedSteps.size()));
    }
    List<Double> steps = new ArrayList<>();
    for (int i = 0; i < madeSteps.size(); i++) {
      steps.add(
          Comparison.relativeError(madeSteps.get(i).toFloats(), expectedSteps.get(i).toFloats()));
    }
    return new VideoComparison(VideoMetrics.compare(made, expected), steps);
  }

  /// Returns the distance of the latents after a step, from 0, as a line of text.
  public static String stepLine(int step, double distance) {
    return String.format(Locale.ROOT, "step  %4d  relative L2 of latents %.4e", step + 1, distance);
  }

  /// Returns the comparison as lines of text, the whole last.
  public List<String> lines() {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < steps.size(); i++) {
      lines.add(stepLine(i, steps.get(i)));
    }
    for (int i = 0; i < video.framePsnr().size(); i++) {
      lines.add(
          String.format(
              Locale.ROOT,
              "frame %4d  PSNR %7.3f dB  SSIM %.5f",
              i + 1,
              video.framePsnr().get(i),
              video.frameSsim().get(i)));
    }
    lines.add(
        String.format(
            Locale.ROOT,
            "%d frames  PSNR %.3f dB  SSIM %.5f",
            video.framePsnr().size(),
            video.psnr(),
            video.ssim()));
    return lines;
  }

  /// Returns the comparison as fields of a JSON object; the PSNR of equal frames, which is
  /// infinite, and the distance of latents that are not numbers are null.
  public Map<String, Object> fields() {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("psnr_db", finite(video.psnr()));
    fields.put("ssim", video.ssim());
    List<Map<String, Object>> frames = new ArrayList<>();
    for (int i = 0; i < video.framePsnr().size(); i++) {
      Map<String, Object> frame = new LinkedHashMap<>();
      frame.put("frame", i + 1);
      frame.put("psnr_db", finite(video.framePsnr().get(i)));
      frame.put("ssim", video.frameSsim().get(i));
      frames.add(frame);
    }
    fields.put("frames", frames);
    if (!steps.isEmpty()) {
      fields.put(
          "latent_relative_l2_by_step", steps.stream().map(VideoComparison::finite).toList());
    }
    return fields;
  }

  private static Double finite(double figure) {
    return Double.isFinite(figure) ? (Double) figure : null;
  }
}
