package wan4j.verify;

import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import wan4j.media.Sizing;
import wan4j.pipeline.SoundFeatures;
import wan4j.tensor.Tensor;

/// The sizes of videos of speakers, and which feature of a sound each of their frames takes.
final class SpeechSizeCases implements CaseKind {
  @Override
  public List<Comparison> run(ReferenceCase reference, Backend backend) {
    List<Comparison> comparisons = new ArrayList<>();
    comparisons.add(sizes(reference.tensor("out.sizes")));
    for (JsonNode bucket : reference.json().path("config").path("buckets")) {
      int features = bucket.path("frames30").asInt();
      int clipFrames = bucket.path("batch_frames").asInt();
      int rate = bucket.path("fps").asInt();
      String name = "out.bucket_%d_%d_%d".formatted(features, clipFrames, rate);
      int[] expected = reference.tensor(name).toInts();
      int clips = SoundFeatures.clips(features, clipFrames, rate);
      int[] got = SoundFeatures.indices(features, expected.length, rate);
      int wrong = clips * clipFrames == expected.length ? 0 : expected.length;
      for (int i = 0; i < expected.length; i++) {
        wrong += got[i] + 1 == expected[i] ? 0 : 1;
      }
      comparisons.add(Comparison.wrong(name, wrong, expected.length));
    }
    return comparisons;
  }

  /// Compares rows of height, width and area, and the height and width for them.
  private static Comparison sizes(Tensor rows) {
    int[] values = rows.toInts();
    int wrong = 0;
    for (int i = 0; i < values.length; i += 5) {
      Sizing.Size size =
          Sizing.speechToVideo(new Sizing.Size(values[i + 1], values[i]), values[i + 2]);
      wrong += size.height() == values[i + 3] && size.width() == values[i + 4] ? 0 : 1;
    }
    return Comparison.wrong("out.sizes", wrong, rows.length(0));
  }
}
