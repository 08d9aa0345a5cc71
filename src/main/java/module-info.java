/// Video generation with the Wan2.2 models on Hopper GPUs in FP8, and on any CPU: `wan4j` with the
/// types that its methods take and give.
@SuppressWarnings("requires-automatic")
module wan4j {
  requires java.net.http;
  requires jdk.incubator.vector;
  requires tools.jackson.databind;
  requires info.picocli;
  requires org.bytedeco.javacpp;
  requires org.bytedeco.ffmpeg;

  exports wan4j;
  exports wan4j.media;
  exports wan4j.tensor;

  opens wan4j.cli to
      info.picocli;
  opens wan4j.cli.bench to
      info.picocli;
}
