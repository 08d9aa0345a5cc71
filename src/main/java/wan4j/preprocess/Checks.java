package wan4j.preprocess;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import wan4j.media.Picture;
import wan4j.tensor.Tensor;

/// The parts of preprocessing one by one, on tensors, for reference cases that compare each with
/// the reference's own.
public final class Checks {
  private Checks() {}

  /// A crop for the pose network: its input `[3, height, width]`, center and scale.
  public record Crop(Tensor input, Tensor center, Tensor scale) {}

  /// Points `[points, 2]` and scores `[points, 1]`.
  public record Points(Tensor points, Tensor scores) {}

  /// The points in pixels that are drawn: x and y, and scores.
  public record Drawn(
      Tensor body,
      Tensor bodyScores,
      Tensor leftHand,
      Tensor leftScores,
      Tensor rightHand,
      Tensor rightScores) {}

  /// Returns the crop of a picture around a box of left, top, right, bottom and score, or around
  /// all of it for null.
  public static Crop crop(Picture picture, double[] box, int width, int height) {
    PersonBox person = box == null ? null : new PersonBox(box[0], box[1], box[2], box[3], box[4]);
    PoseCrop crop = PoseCrop.of(picture, person, width, height, PoseCrop.Colours.AS_STORED);
    return new Crop(
        Tensor.of(crop.pixels(), 3, height, width), floats(crop.center()), floats(crop.scale()));
  }

  private static Tensor floats(double[] values) {
    float[] floats = new float[values.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values[i];
    }
    return Tensor.of(floats, floats.length);
  }

  /// Returns the detector's input `[3, height, width]`.
  public static Tensor detectorInput(Picture picture, int width, int height) {
    return Tensor.of(Detections.input(picture, width, height), 3, height, width);
  }

  /// Returns what is in a detector's output as rows of left, top, right, bottom, score and class,
  /// for an input of `side` pixels square of a picture of `width` by `height`.
  public static Tensor detections(Tensor output, int width, int height, int side) {
    List<Detections.Detection> all = read(output, width, height, side).all();
    float[] rows = new float[all.size() * 6];
    for (int i = 0; i < all.size(); i++) {
      System.arraycopy(row(all.get(i).box()), 0, rows, i * 6, 5);
      rows[i * 6 + 5] = all.get(i).kind();
    }
    return Tensor.of(rows, all.size(), 6);
  }

  /// Returns the person of a detector's output, left, top, right, bottom and score `[1, 5]`.
  public static Tensor person(Tensor output, int width, int height, int side) {
    return Tensor.of(row(read(output, width, height, side).person().orElseThrow().box()), 1, 5);
  }

  private static Detections read(Tensor output, int width, int height, int side) {
    double across = (double) width / side;
    double down = (double) height / side;
    return output.length(output.shape().rank() - 1) == Detections.DECODED
        ? Detections.ofRows(output.toFloats(), across, down)
        : Detections.ofColumns(output.toFloats(), across, down);
  }

  private static float[] row(PersonBox box) {
    return new float[] {
      (float) box.left(),
      (float) box.top(),
      (float) box.right(),
      (float) box.bottom(),
      (float) box.score()
    };
  }

  /// Returns the points of heat maps `[points, height, width]`; of a crop at `center` and `scale`,
  /// as `crop` gives them.
  public static Points heatMaps(Tensor maps, float[] center, float[] scale) {
    float[] found =
        HeatMaps.points(
            maps.toFloats(),
            maps.length(2),
            maps.length(1),
            new double[] {center[0], center[1]},
            new double[] {scale[0], scale[1]});
    return new Points(part(found, 0, 2), part(found, 2, 1));
  }

  private static Tensor part(float[] rows, int first, int count) {
    float[] part = new float[rows.length / 3 * count];
    for (int i = 0; i < part.length; i++) {
      part[i] = rows[i / count * 3 + first + i % count];
    }
    return Tensor.of(part, rows.length / 3, count);
  }

  /// Returns the face `[69, 3]` of whole-body points `[133, 3]`.
  public static Tensor face(Tensor points, int width, int height) {
    return Tensor.of(Pose.of(points.toFloats(), width, height).face(), 69, 3);
  }

  /// Returns the box of a face's points `[69, 2]`: left, right, top and bottom.
  public static int[] faceBox(Tensor points, int width, int height) {
    float[] pairs = points.toFloats();
    float[] triples = new float[pairs.length / 2 * 3];
    for (int i = 0; i < pairs.length; i++) {
      triples[i / 2 * 3 + i % 2] = pairs[i];
    }
    FaceBox box = FaceBox.of(triples, width, height);
    return new int[] {box.left(), box.right(), box.top(), box.bottom()};
  }

  /// Returns the points that are drawn of whole-body points `[133, 3]`.
  public static Drawn drawn(Tensor points, int width, int height) {
    return drawn(List.of(Pose.of(points.toFloats(), width, height).skeleton()), false);
  }

  private static Drawn drawn(List<Skeleton> poses, boolean isSequence) {
    List<float[]> parts = new ArrayList<>();
    for (int part = 0; part < 3; part++) {
      int which = part;
      float[] all = new float[0];
      for (Skeleton pose : poses) {
        double[] points = List.of(pose.body(), pose.leftHand(), pose.rightHand()).get(which);
        int start = all.length;
        all = Arrays.copyOf(all, start + points.length);
        for (int i = 0; i < points.length; i++) {
          all[start + i] = (float) points[i];
        }
      }
      parts.add(all);
    }
    List<Tensor> tensors = new ArrayList<>();
    for (float[] all : parts) {
      int count = all.length / 3 / poses.size();
      Tensor points = part(all, 0, 2);
      Tensor scores = part(all, 2, 1);
      tensors.add(isSequence ? points.reshape(poses.size(), count, 2) : points);
      tensors.add(isSequence ? scores.reshape(poses.size(), count) : scores.reshape(count));
    }
    return new Drawn(
        tensors.get(0),
        tensors.get(1),
        tensors.get(2),
        tensors.get(3),
        tensors.get(4),
        tensors.get(5));
  }

  /// Returns whole-body points `[133, 3]` drawn on black; `isPlain` leaves out the head and takes
  /// the thicker sticks.
  public static Picture draw(Tensor points, int width, int height, boolean isPlain) {
    Canvas canvas = new Canvas(width, height);
    PoseDrawing.draw(
        Pose.of(points.toFloats(), width, height).skeleton(),
        canvas,
        isPlain ? PoseDrawing.Stick.V1 : PoseDrawing.Stick.V2,
        !isPlain);
    return canvas.picture();
  }

  /// A picture's size and its whole-body points `[133, 3]`.
  public record Person(Tensor points, int width, int height) {
    private Pose pose() {
      return Pose.of(points.toFloats(), width, height);
    }
  }

  /// Returns poses of a video, the first of which is compared, in the proportions of a reference;
  /// the edited ones may be null.
  public static Drawn retargeted(
      List<Person> video, Person reference, Person editedFirst, Person editedReference) {
    Pose first = video.getFirst().pose();
    Retargeting retargeting =
        editedFirst == null
            ? new Retargeting(first, reference.pose())
            : new Retargeting(first, reference.pose(), editedFirst.pose(), editedReference.pose());
    List<Skeleton> skeletons = new ArrayList<>();
    for (Person person : video) {
      skeletons.add(retargeting.apply(person.pose(), skeletons.isEmpty()));
    }
    return drawn(skeletons, true);
  }

  /// Returns a mask `[height, width]` of zeros and ones, grown.
  public static Tensor grown(Tensor mask, int iterations, int kernel) {
    return tensor(new MaskShape(iterations, kernel, 1, 1).grown(bitmap(mask)));
  }

  /// Returns a mask with the cells of a grid filled that it touches.
  public static Tensor inCells(Tensor mask, int columns, int rows) {
    return tensor(new MaskShape(1, 1, columns, rows).inCells(bitmap(mask)));
  }

  /// Returns a picture, black where a mask is.
  public static Picture background(Picture picture, Tensor mask) {
    return bitmap(mask).background(picture);
  }

  private static Bitmap bitmap(Tensor mask) {
    byte[] bits = new byte[Math.toIntExact(mask.count())];
    float[] values = mask.toFloats();
    for (int i = 0; i < bits.length; i++) {
      bits[i] = (byte) values[i];
    }
    return new Bitmap(mask.length(1), mask.length(0), bits);
  }

  private static Tensor tensor(Bitmap mask) {
    return Tensor.of(mask.bits(), mask.height(), mask.width());
  }
}
