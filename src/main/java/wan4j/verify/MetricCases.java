package wan4j.verify;

import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/// The distance of two videos by our metrics.
final class MetricCases implements CaseKind {
  private static final double DECIBELS = 1e-4;
  private static final double SIMILARITY = 1e-6;

  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    List<Comparison> comparisons = new ArrayList<>();
    for (JsonNode item : reference.json().path("items")) {
      int index = item.path("index").asInt();
      VideoMetrics metrics =
          VideoMetrics.compare(reference.tensor("in.a" + index), reference.tensor("in.b" + index));
      add(comparisons, "psnr_all." + index, metrics.psnr(), item.path("psnr_all"), DECIBELS);
      add(comparisons, "ssim_mean." + index, metrics.ssim(), item.path("ssim_mean"), SIMILARITY);
      for (int i = 0; i < metrics.framePsnr().size(); i++) {
        String frame = "." + index + "." + i;
        add(
            comparisons,
            "psnr_frames" + frame,
            metrics.framePsnr().get(i),
            item.path("psnr_frames").path(i),
            DECIBELS);
        add(
            comparisons,
            "ssim_frames" + frame,
            metrics.frameSsim().get(i),
            item.path("ssim_frames").path(i),
            SIMILARITY);
      }
    }
    return comparisons;
  }

  private static void add(
      List<Comparison> comparisons, String name, double got, JsonNode expected, double tolerance) {
    boolean isInfinite = expected.isString() && expected.asString().equals("inf");
    double number = isInfinite ? Double.POSITIVE_INFINITY : expected.asDouble(Double.NaN);
    comparisons.add(Comparison.distance(name, got, number, tolerance));
  }
}
