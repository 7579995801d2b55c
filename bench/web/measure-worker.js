// Tells when the first whole picture of a receiver has been assembled; every picture goes on untouched.

onrtctransform = ({ transformer: { readable, writable, options: { id } } }) => {
  let told = false;
  const watch = new TransformStream({
    transform(picture, onwards) {
      if (!told) {
        told = true;
        postMessage({ id, at: performance.timeOrigin + performance.now() });
      }
      onwards.enqueue(picture);
    },
  });
  readable.pipeThrough(watch).pipeTo(writable);
};
