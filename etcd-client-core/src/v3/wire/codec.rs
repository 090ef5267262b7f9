//! tonic's codec for prost, with a bound on how much memory a message may become.

use std::marker::PhantomData;

use bytes::{Buf, BufMut, Bytes};
use prost::Message;
use tonic::Status;
use tonic::codec::{
    Codec as TonicCodec, DecodeBuf, Decoder as TonicDecoder, EncodeBuf, Encoder as TonicEncoder,
};
use tonic_prost::{ProstCodec, ProstEncoder};

use crate::v3::wire::element_limit::{self, BoundedAnswer};

/// tonic's codec for prost, with a bound on what is read: at most so many elements, where that many were
/// asked for.
#[derive(Debug)]
pub(in crate::v3) struct Codec<T, U> {
    at_most: Option<usize>,
    messages: PhantomData<(T, U)>,
}

impl<T, U> Codec<T, U> {
    pub(in crate::v3) fn new(at_most: Option<usize>) -> Self {
        Self { at_most, messages: PhantomData }
    }
}

impl<T: Message + 'static, U: BoundedAnswer> TonicCodec for Codec<T, U> {
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = Decoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::default().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        Decoder { at_most: self.at_most, answer: PhantomData }
    }
}

#[derive(Debug)]
pub(in crate::v3) struct Decoder<U> {
    at_most: Option<usize>,
    answer: PhantomData<U>,
}

impl<U: BoundedAnswer> TonicDecoder for Decoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        let length = buf.remaining();
        // tonic hands a message over in one piece.
        if let Some(message) = buf.chunk().get(..length) {
            element_limit::check::<U>(message, self.at_most).map_err(Status::internal)?;
        }
        let read = U::decode(buf).map_err(|error| Status::internal(error.to_string()))?;
        Ok(Some(read))
    }
}

/// Passes messages on as they are, both ways.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::v3) struct Bare;

impl TonicCodec for Bare {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl TonicEncoder for Bare {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buf: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buf.reserve(message.len());
        buf.put(message);
        Ok(())
    }
}

impl TonicDecoder for Bare {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        // tonic hands a message over in one piece, so nothing is copied.
        Ok(Some(buf.copy_to_bytes(buf.remaining())))
    }
}
