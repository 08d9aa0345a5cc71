package wan4j.preprocess;

/// The points that are drawn, each x, y in pixels and a score: 20 of the body and 21 of each hand,
/// in the order of `Pose`.
record Skeleton(double[] body, double[] leftHand, double[] rightHand) {}
