/// Video generation with the Wan2.2 models on Hopper GPUs in FP8, and on any CPU.
@SuppressWarnings("requires-automatic")
module wan4j {
  requires java.net.http;
  requires jdk.incubator.vector;
  requires tools.jackson.databind;
  requires info.picocli;
  requires org.bytedeco.javacpp;
  requires org.bytedeco.ffmpeg;

  exports wan4j.tensor;

  opens wan4j.cli to
      info.picocli;
}
