package wan4j.preprocess;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import wan4j.media.Picture;
import wan4j.onnx.OnnxNetwork;
import wan4j.onnx.OnnxRuntime;
import wan4j.tensor.InputException;
import wan4j.tensor.Tensor;

/// Finds people with the networks of the reference: a YOLO detector, and ViTPose for the whole body
/// (Wan2.2 42bf4cf, wan/modules/animate/preprocess/pose2d.py).
final class NetworkFinder implements PersonFinder {
  static final String DETECTOR = "det/yolov10m.onnx";
  static final String POSE = "pose2d/vitpose_h_wholebody.onnx";

  private static final String IN_FOLDER = "end2end.onnx";
  private static final int DETECTOR_SIDE = 640; // where the file leaves it open
  private static final int POSE_WIDTH = 192;
  private static final int POSE_HEIGHT = 256;

  private final OnnxNetwork detector;
  private final OnnxNetwork pose;
  private final int[] detectorSize; // height, width
  private final int[] poseSize;

  private NetworkFinder(OnnxNetwork detector, OnnxNetwork pose) {
    this.detector = detector;
    this.pose = pose;
    detectorSize = inputSize(detector, DETECTOR_SIDE, DETECTOR_SIDE);
    poseSize = inputSize(pose, POSE_HEIGHT, POSE_WIDTH);
    requireDetector(first(detector));
    requirePose(first(pose));
  }

  /// Opens the networks of a folder such as `process_checkpoint`; throws `InputException` when they
  /// are missing or of shapes that are not known.
  static NetworkFinder open(Path folder, OnnxRuntime runtime) {
    OnnxNetwork detector = runtime.open(file(folder, DETECTOR));
    try {
      OnnxNetwork pose = runtime.open(file(folder, POSE));
      try {
        return new NetworkFinder(detector, pose);
      } catch (InputException e) {
        pose.close();
        throw e;
      }
    } catch (InputException e) {
      detector.close();
      throw e;
    }
  }

  /// Returns the files that a finder of a folder is opened from; throws `InputException` when one
  /// is missing.
  static List<Path> files(Path folder) {
    return List.of(file(folder, DETECTOR), file(folder, POSE));
  }

  private static Path file(Path folder, String name) {
    Path file = folder.resolve(name);
    if (Files.isDirectory(file)) {
      file = file.resolve(IN_FOLDER);
    } else if (!Files.exists(file) && Files.exists(file.resolveSibling(IN_FOLDER))) {
      file = file.resolveSibling(IN_FOLDER);
    }
    if (!Files.isRegularFile(file)) {
      throw new InputException(
          "%s has no %s; give --ckpt_path the folder process_checkpoint of Wan2.2-Animate-14B"
              .formatted(folder, name));
    }
    return file;
  }

  private static long[] first(OnnxNetwork network) {
    return network.outputs().values().iterator().next();
  }

  /// Returns height and width of a network's pictures.
  private static int[] inputSize(OnnxNetwork network, int height, int width) {
    long[] sizes = network.inputs().values().iterator().next();
    if (network.inputs().size() != 1 || sizes.length != 4 || (sizes[1] != 3 && sizes[1] > 0)) {
      throw unknown(network, "takes " + shapes(network.inputs().values()), "[1, 3, H, W]");
    }
    return new int[] {
      sizes[2] > 0 ? Math.toIntExact(sizes[2]) : height,
      sizes[3] > 0 ? Math.toIntExact(sizes[3]) : width
    };
  }

  private static String shapes(Iterable<long[]> all) {
    StringBuilder text = new StringBuilder();
    for (long[] sizes : all) {
      text.append(text.isEmpty() ? "" : " and ").append(Arrays.toString(sizes));
    }
    return text.toString();
  }

  private static InputException unknown(OnnxNetwork network, String found, String expected) {
    return new InputException(
        "%s %s; expected %s: give the file that comes with Wan2.2-Animate-14B"
            .formatted(network.file(), found, expected));
  }

  private void requireDetector(long[] sizes) {
    boolean isOpen = sizes.length == 3 && sizes[1] < 0 && sizes[2] < 0;
    if (!isOpen && !isRows(sizes) && !isColumns(sizes)) {
      throw unknown(
          detector,
          "gives " + Arrays.toString(sizes),
          "[1, N, 6], rows of box, score and class, or [1, 84, N], boxes and scores of 80 classes");
    }
  }

  private static boolean isRows(long[] sizes) {
    return sizes.length == 3 && sizes[2] == Detections.DECODED;
  }

  private static boolean isColumns(long[] sizes) {
    return sizes.length == 3 && sizes[1] == Detections.SCORED;
  }

  private void requirePose(long[] sizes) {
    if (sizes.length != 4 || (sizes[1] > 0 && sizes[1] != Pose.WHOLE_BODY)) {
      throw unknown(
          pose, "gives " + Arrays.toString(sizes), "[1, 133, H, W], heat maps of the whole body");
    }
  }

  @Override
  public Found find(Picture picture) {
    Optional<Detections.Person> person = detections(picture).person();
    PersonBox box = person.map(Detections.Person::box).orElse(null);
    PoseCrop crop = PoseCrop.of(picture, box, poseSize[1], poseSize[0], PoseCrop.Colours.REVERSED);
    Tensor maps = pose.run(Tensor.of(crop.pixels(), 1, 3, poseSize[0], poseSize[1]));
    requirePose(maps.shape().toArray());
    float[] points =
        HeatMaps.points(
            maps.toFloats(), maps.length(3), maps.length(2), crop.center(), crop.scale());
    return new Found(box, person.map(Detections.Person::others).orElse(0), points);
  }

  private Detections detections(Picture picture) {
    int height = detectorSize[0];
    int width = detectorSize[1];
    float[] input = Detections.input(picture, width, height);
    Tensor output = detector.run(Tensor.of(input, 1, 3, height, width));
    long[] sizes = output.shape().toArray();
    double across = (double) picture.width() / width;
    double down = (double) picture.height() / height;
    if (isRows(sizes)) {
      return Detections.ofRows(output.toFloats(), across, down);
    }
    requireDetector(sizes);
    return Detections.ofColumns(output.toFloats(), across, down);
  }

  @Override
  public void close() {
    detector.close();
    pose.close();
  }
}
