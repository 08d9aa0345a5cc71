package wan4j.preprocess;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import wan4j.media.OpenCvResize;
import wan4j.media.Picture;

/// What a person detector found in a picture (Wan2.2 42bf4cf,
/// wan/modules/animate/preprocess/pose2d.py `Yolo`).
final class Detections {
  /// The values of a row that needs no decoding: left, top, right, bottom, score, class.
  static final int DECODED = 6;

  /// The values of a column of scores: x, y, width, height and the scores of 80 classes.
  static final int SCORED = 84;

  private static final float LEAST_SCORE = 0.05f;
  private static final float MOST_OVERLAP = 0.5f;
  private static final double LEAST_SHARE_OF_LONGEST = 0.4;
  private static final double LEAST_SHARE_OF_AREA = 0.1;
  private static final int PERSON = 0;

  private final List<Detection> all;

  private Detections(List<Detection> all) {
    this.all = all;
  }

  /// A box of whole pixels with its score and class.
  record Detection(int left, int top, int width, int height, float score, int kind) {
    PersonBox box() {
      return new PersonBox(left, top, left + width, top + height, score);
    }

    private double area() {
      return (double) width * height;
    }

    private float overlap(Detection other) {
      double sum = area() + other.area();
      if (sum <= Math.ulp(1.0)) {
        return 1;
      }
      double wide =
          Math.min(left + width, other.left + other.width) - (double) Math.max(left, other.left);
      double high =
          Math.min(top + height, other.top + other.height) - (double) Math.max(top, other.top);
      double both = wide > 0 && high > 0 ? wide * high : 0;
      return 1 - (float) (1 - both / (sum - both));
    }
  }

  /// The person to be followed, and how many others are nearly as large.
  record Person(PersonBox box, int others) {}

  /// Returns a picture as the detector's input, float32 `[3, height, width]` in [0, 1].
  static float[] input(Picture picture, int width, int height) {
    Picture resized = OpenCvResize.resize(picture, width, height, OpenCvResize.Filter.LINEAR);
    int count = width * height;
    float[] planes = new float[3 * count];
    for (int i = 0; i < planes.length; i++) {
      planes[i] = (float) ((resized.rgb()[i % count * 3 + i / count] & 0xFF) / 255.0);
    }
    return planes;
  }

  /// Reads rows of left, top, right, bottom, score and class, in pixels of an input whose pixels
  /// are `across` wide and `down` high in the picture.
  static Detections ofRows(float[] values, double across, double down) {
    List<Detection> found = new ArrayList<>();
    for (int at = 0; at + DECODED <= values.length; at += DECODED) {
      float score = values[at + 4];
      if (score >= LEAST_SCORE) {
        float left = (float) (values[at] * across);
        float top = (float) (values[at + 1] * down);
        float right = (float) (values[at + 2] * across);
        float bottom = (float) (values[at + 3] * down);
        int kind = (int) values[at + 5];
        found.add(
            new Detection(
                (int) left, (int) top, (int) (right - left), (int) (bottom - top), score, kind));
      }
    }
    return new Detections(withoutOverlaps(found));
  }

  /// Reads `[84, boxes]`: rows of x, y, width and height of each box, then of the scores of each
  /// class.
  static Detections ofColumns(float[] values, double across, double down) {
    int boxes = values.length / SCORED;
    List<Detection> found = new ArrayList<>();
    for (int i = 0; i < boxes; i++) {
      int kind = 0;
      for (int c = 1; c < SCORED - 4; c++) {
        kind = values[(4 + c) * boxes + i] > values[(4 + kind) * boxes + i] ? c : kind;
      }
      float score = values[(4 + kind) * boxes + i];
      if (score >= LEAST_SCORE) {
        float width = values[2 * boxes + i];
        float height = values[3 * boxes + i];
        found.add(
            new Detection(
                (int) ((values[i] - width / 2) * across),
                (int) ((values[boxes + i] - height / 2) * down),
                (int) (width * across),
                (int) (height * down),
                score,
                kind));
      }
    }
    return new Detections(withoutOverlaps(found));
  }

  /// Keeps the surest of boxes that lie over each other, as OpenCV's `NMSBoxes` does.
  private static List<Detection> withoutOverlaps(List<Detection> found) {
    List<Detection> kept = new ArrayList<>();
    found.stream()
        .filter(detection -> detection.score > LEAST_SCORE)
        .sorted(Comparator.comparingDouble(Detection::score).reversed())
        .filter(next -> kept.stream().allMatch(one -> next.overlap(one) <= MOST_OVERLAP))
        .forEach(kept::add);
    return kept;
  }

  /// Returns everything that was found, the surest first.
  List<Detection> all() {
    return all;
  }

  /// Returns the largest person, unless it is short beside the longest one; nothing when there is
  /// no person.
  Optional<Person> person() {
    List<PersonBox> people =
        all.stream().filter(one -> one.kind == PERSON).map(Detection::box).toList();
    double longest = people.stream().mapToDouble(PersonBox::longerSide).max().orElse(-1);
    PersonBox largest = null;
    for (PersonBox box : people) {
      boolean isLarger = largest == null || box.area() > largest.area();
      if (isLarger && box.longerSide() >= longest * LEAST_SHARE_OF_LONGEST) {
        longest = box.longerSide();
        largest = box;
      }
    }
    if (largest == null) {
      return Optional.empty();
    }
    double area = largest.area();
    int others =
        (int)
            people.stream()
                .filter(box -> box.area() > area * LEAST_SHARE_OF_AREA && box.area() < area)
                .count();
    return Optional.of(new Person(largest, others));
  }
}
