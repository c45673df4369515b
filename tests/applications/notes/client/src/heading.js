exports.heading = (notes) => `${notes.length} notes`;
