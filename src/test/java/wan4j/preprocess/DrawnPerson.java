package wan4j.preprocess;

import static wan4j.onnx.OnnxFile.list;
import static wan4j.onnx.OnnxFile.number;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import wan4j.media.Picture;
import wan4j.onnx.OnnxFile;

/// A person drawn on black, whose every point has a colour of its own, and small networks that find
/// it: they really look at pixels, in the layouts of the reference's networks.
public final class DrawnPerson {
  /// The joints of the body and the feet by the numbers of COCO-WholeBody, for a person one unit
  /// high and standing in the middle of its place.
  private static final double[][] BODY = {
    {0, 0.12}, // nose
    {0.03, 0.09},
    {-0.03, 0.09}, // left, right eye
    {0.06, 0.11},
    {-0.06, 0.11}, // ears
    {0.12, 0.27},
    {-0.12, 0.27}, // shoulders
    {0.17, 0.42},
    {-0.17, 0.42}, // elbows
    {0.19, 0.55},
    {-0.19, 0.55}, // wrists
    {0.07, 0.55},
    {-0.07, 0.55}, // hips
    {0.08, 0.74},
    {-0.08, 0.74}, // knees
    {0.08, 0.92},
    {-0.08, 0.92}, // ankles
    {0.12, 0.97},
    {0.14, 0.95},
    {0.07, 0.97}, // left foot
    {-0.12, 0.97},
    {-0.14, 0.95},
    {-0.07, 0.97} // right foot
  };

  /// Places of the face and of the hands that several points share.
  private static final double[][] FACE = {{0.05, 0.06}, {-0.05, 0.06}, {0, 0.16}, {0, 0.19}};

  private static final double[][] LEFT_HAND = {{0.20, 0.58}, {0.23, 0.62}};
  private static final double[][] RIGHT_HAND = {{-0.20, 0.58}, {-0.23, 0.62}};
  private static final int[] GREY = {120, 120, 120};
  private static final int[] LEVELS = {0, 85, 170, 255};
  private static final double[] MEANS = {0.485, 0.456, 0.406};
  private static final double[] DEVIATIONS = {0.229, 0.224, 0.225};
  private static final float SHARPNESS = 1.5f;
  private static final List<int[]> COLOURS = colours();

  private DrawnPerson() {}

  private static List<int[]> colours() {
    List<int[]> colours = new ArrayList<>();
    for (int red : LEVELS) {
      for (int green : LEVELS) {
        for (int blue : LEVELS) {
          if (red != green || green != blue) {
            colours.add(new int[] {red, green, blue});
          }
        }
      }
    }
    return colours;
  }

  /// Returns where the colour of each of the 133 points is in the list of places.
  private static int place(int point) {
    if (point < BODY.length) {
      return point;
    }
    if (point < 91) {
      return BODY.length + (point - BODY.length) % FACE.length;
    }
    int hand = point < 112 ? 0 : 1;
    int inHand = (point - 91) % 21 == 0 ? 0 : 1;
    return BODY.length + FACE.length + hand * LEFT_HAND.length + inHand;
  }

  private static List<double[]> places() {
    List<double[]> places = new ArrayList<>(List.of(BODY));
    places.addAll(List.of(FACE));
    places.addAll(List.of(LEFT_HAND));
    places.addAll(List.of(RIGHT_HAND));
    return places;
  }

  /// Returns where a point of the 133 is drawn.
  static double[] point(int point, double x, double top, double size) {
    double[] place = places().get(place(point));
    return new double[] {x + place[0] * size, top + place[1] * size};
  }

  /// Returns a picture with a person of a size whose middle is at `x`.
  public static Picture draw(int width, int height, double x, double top, double size) {
    Canvas canvas = new Canvas(width, height);
    int[][] bones = {
      {5, 6}, {5, 7}, {7, 9}, {6, 8}, {8, 10}, {5, 11}, {6, 12}, {11, 12}, {11, 13}, {13, 15},
      {12, 14}, {14, 16}, {15, 17}, {16, 20}
    };
    int thick = Math.max(2, (int) (size / 18));
    for (int[] bone : bones) {
      double[] from = point(bone[0], x, top, size);
      double[] to = point(bone[1], x, top, size);
      canvas.line((int) from[0], (int) from[1], (int) to[0], (int) to[1], thick, GREY);
    }
    canvas.disc((int) x, (int) (top + 0.12 * size), (int) (0.1 * size), GREY);
    int radius = Math.max(1, (int) (size / 55));
    List<double[]> places = places();
    for (int i = 0; i < places.size(); i++) {
      canvas.disc(
          (int) (x + places.get(i)[0] * size),
          (int) (top + places.get(i)[1] * size),
          radius,
          COLOURS.get(i));
    }
    return canvas.picture();
  }

  // ---- the networks

  /// Writes detector and pose network into a folder as the checkpoint has them.
  public static void writeNetworks(Path folder) throws IOException {
    writeDetector(folder.resolve("det/yolov10m.onnx"), 128);
    writePose(folder.resolve("pose2d/vitpose_h_wholebody.onnx"), 128, 96);
  }

  /// A detector that finds the box around what is not black, `[1, 1, 6]`.
  static void writeDetector(Path file, int side) throws IOException {
    float[] up = new float[side];
    float[] down = new float[side];
    for (int i = 0; i < side; i++) {
      up[i] = i + 1;
      down[i] = side - i;
    }
    OnnxFile network =
        new OnnxFile()
            .input("images", 1, 3, side, side)
            .output("output0", 1, 1, 6)
            .floats("dark", new float[] {0.15f}, 1)
            .floats("side", new float[] {side}, 1)
            .floats("most", new float[] {0.9f}, 1)
            .floats("class", new float[] {0}, 1)
            .floats("up", up, 1, side)
            .floats("down", down, 1, side)
            .longs("row", 1, 1, 6)
            .longs("one", 1)
            .node("ReduceMax", "images", "bright", list("axes", 0, 1), number("keepdims", 0))
            .node("Greater", "bright,dark", "isPerson")
            .node("Cast", "isPerson", "person", number("to", 1));
    for (int axis = 0; axis < 2; axis++) {
      String name = axis == 0 ? "x" : "y";
      network
          .node("ReduceMax", "person", name, list("axes", axis), number("keepdims", 0))
          .node("Mul", name + ",up", name + "Up")
          .node("Mul", name + ",down", name + "Down")
          .node("ReduceMax", name + "Up", name + "End", number("keepdims", 0))
          .node("ReduceMax", name + "Down", name + "Left", number("keepdims", 0))
          .node("Reshape", name + "End,one", name + "2")
          .node("Reshape", name + "Left,one", name + "3")
          .node("Sub", "side," + name + "3", name + "1");
    }
    network
        .node("ReduceMax", "person", "any", number("keepdims", 0))
        .node("Mul", "any,most", "sure")
        .node("Concat", "x1,y1,x2,y2,sure,class", "line", number("axis", 0))
        .node("Reshape", "line,row", "output0")
        .write(file);
  }

  /// A pose network: each heat map tells how near a pixel's colour is to that of its point.
  static void writePose(Path file, int height, int width) throws IOException {
    float[] weights = new float[Pose.WHOLE_BODY * 3];
    float[] biases = new float[Pose.WHOLE_BODY];
    for (int i = 0; i < biases.length; i++) {
      int[] colour = COLOURS.get(place(i));
      for (int c = 0; c < 3; c++) {
        // blue comes first, but with the means of red
        double value = (colour[2 - c] / 255.0 - MEANS[c]) / DEVIATIONS[c];
        weights[i * 3 + c] = (float) (-2 * value);
        biases[i] += (float) (value * value);
      }
    }
    new OnnxFile()
        .input("input", 1, 3, height, width)
        .output("heatmap", 1, Pose.WHOLE_BODY, height / 2, width / 2)
        .floats("weights", weights, Pose.WHOLE_BODY, 3, 1, 1)
        .floats("biases", biases, Pose.WHOLE_BODY)
        .floats("sharp", new float[] {-SHARPNESS}, 1)
        .node("Mul", "input,input", "squares")
        .longs("channels", 1)
        .node("ReduceSum", "squares,channels", "square", number("keepdims", 1))
        .node("Conv", "input,weights,biases", "products", list("kernel_shape", 1, 1))
        .node("Add", "products,square", "distance")
        .node("Mul", "distance,sharp", "near")
        .node("Exp", "near", "likeness")
        .node(
            "AveragePool", "likeness", "heatmap", list("kernel_shape", 2, 2), list("strides", 2, 2))
        .write(file);
  }

  /// Image networks of SAM2 in samexporter's names, which take what is bright for the person.
  public static void writeSam2(Path folder) throws IOException {
    int side = 128;
    new OnnxFile()
        .input("image", 1, 3, side, side)
        .output("high_res_feats_0", 1, 3, side, side)
        .output("high_res_feats_1", 1, 3, side / 2, side / 2)
        .output("image_embed", 1, 3, side / 4, side / 4)
        .node("Identity", "image", "high_res_feats_0")
        .node(
            "AveragePool",
            "image",
            "high_res_feats_1",
            list("kernel_shape", 2, 2),
            list("strides", 2, 2))
        .node("MaxPool", "image", "image_embed", list("kernel_shape", 4, 4), list("strides", 4, 4))
        .write(folder.resolve("sam2_hiera_large.encoder.onnx"));
    new OnnxFile()
        .input("image_embed", 1, 3, side / 4, side / 4)
        .input("high_res_feats_0", 1, 3, side, side)
        .input("high_res_feats_1", 1, 3, side / 2, side / 2)
        .input("point_coords", 1, -1, 2)
        .input("point_labels", 1, -1)
        .input("mask_input", 1, 1, side / 4, side / 4)
        .input("has_mask_input", 1)
        .output("masks", 1, 2, side / 4, side / 4)
        .output("iou_predictions", 1, 2)
        .floats("one", new float[] {1}, 1)
        .floats("scores", new float[] {0.2f, 0.8f}, 1, 2)
        .node("ReduceMax", "image_embed", "bright", list("axes", 1), number("keepdims", 1))
        .node("Add", "bright,one", "person")
        .node("ReduceMean", "point_labels", "label")
        .node("Mul", "person,label", "logits")
        .node("Neg", "logits", "opposite")
        .node("Concat", "opposite,logits", "masks", number("axis", 1))
        .node("Identity", "scores", "iou_predictions")
        .write(folder.resolve("sam2_hiera_large.decoder.onnx"));
  }
}
