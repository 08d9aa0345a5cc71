package wan4j.preprocess;

import java.util.ArrayList;
import java.util.List;

/// What was out of the ordinary in the frames of a driving video, told in a sentence each.
final class Findings {
  private static final float LEAST_SCORE = 0.5f; // of what is drawn
  private static final int MOST_TOLD = 6; // ranges of frames in a sentence
  private static final List<String> NAMES =
      List.of(
          "nose",
          "neck",
          "right shoulder",
          "right elbow",
          "right wrist",
          "left shoulder",
          "left elbow",
          "left wrist",
          "right hip",
          "right knee",
          "right ankle",
          "left hip",
          "left knee",
          "left ankle",
          "right eye",
          "left eye",
          "right ear",
          "left ear",
          "left toe",
          "right toe");

  private final List<Integer> nobody = new ArrayList<>();
  private final List<Integer> crowds = new ArrayList<>();
  private final List<Integer> cutOff = new ArrayList<>();
  private final List<Integer> faceless = new ArrayList<>();
  private final List<Integer> maskless = new ArrayList<>();
  private final int[] missing = new int[NAMES.size()];
  private int frames;

  /// Takes down what was found in the next frame, which is counted from 1.
  void add(PersonFinder.Found found, Pose pose, boolean hasFace) {
    frames++;
    if (found.box() == null) {
      nobody.add(frames);
    } else if (reachesEdge(found.box(), pose)) {
      cutOff.add(frames);
    }
    if (found.others() > 0) {
      crowds.add(frames);
    }
    if (!hasFace) {
      faceless.add(frames);
    }
    for (int i = 0; i < missing.length; i++) {
      missing[i] += pose.score(i) < LEAST_SCORE ? 1 : 0;
    }
  }

  /// Takes down that the mask of the frame added last is empty.
  void hasNoMask() {
    maskless.add(frames);
  }

  private static boolean reachesEdge(PersonBox box, Pose pose) {
    return box.left() <= 0
        || box.top() <= 0
        || box.right() >= pose.width() - 1
        || box.bottom() >= pose.height() - 1;
  }

  /// Says whether no frame had a face.
  boolean hasNoFace() {
    return faceless.size() == frames;
  }

  /// Returns the sentences.
  List<String> sentences() {
    List<String> sentences = new ArrayList<>();
    tell(
        sentences,
        nobody,
        "the detector found nobody in %s; points were looked for in the whole picture");
    tell(sentences, crowds, "there are several people in %s; the largest was taken");
    tell(sentences, cutOff, "the person reaches the picture's edge in %s and may be cut off");
    tell(sentences, faceless, "no face was found in %s; the one before, or the first, was taken");
    tell(sentences, maskless, "the mask is empty in %s; the driving video is left as it is there");
    List<String> points = new ArrayList<>();
    for (int i = 0; i < missing.length; i++) {
      if (missing[i] * 2 > frames) {
        points.add(NAMES.get(i));
      }
    }
    if (!points.isEmpty()) {
      sentences.add(
          "in most frames these points were not found and are not drawn: "
              + String.join(", ", points));
    }
    return sentences;
  }

  private void tell(List<String> sentences, List<Integer> numbers, String sentence) {
    if (!numbers.isEmpty()) {
      String which =
          numbers.size() == frames
              ? (frames == 1 ? "the only frame" : "all %d frames".formatted(frames))
              : (numbers.size() == 1 ? "frame " : "frames ") + ranges(numbers);
      sentences.add(sentence.formatted(which));
    }
  }

  /// Returns rising numbers as ranges, such as `1-3, 7`.
  static String ranges(List<Integer> numbers) {
    List<String> ranges = new ArrayList<>();
    int start = 0;
    for (int i = 1; i <= numbers.size(); i++) {
      if (i == numbers.size() || numbers.get(i) != numbers.get(i - 1) + 1) {
        int first = numbers.get(start);
        int last = numbers.get(i - 1);
        ranges.add(first == last ? "" + first : first + "-" + last);
        start = i;
      }
    }
    return ranges.size() <= MOST_TOLD
        ? String.join(", ", ranges)
        : String.join(", ", ranges.subList(0, MOST_TOLD))
            + " and others, %d in all".formatted(numbers.size());
  }
}
