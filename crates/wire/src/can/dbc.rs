//! The DBC file of a network, generated from the messages.

use std::fmt::Write as _;

use super::e2e::Profile;
use super::frame::CanId;
use super::layout::Field;
use super::network::{Format, Network, Outgoing};

/// The sender's name in the file.
const NODE: &str = "Cabinmood";

const HEAD: &str = r#"VERSION ""

NS_ :
	CM_
	BA_DEF_
	BA_
	VAL_
	BA_DEF_DEF_

BS_:

BU_: Cabinmood

"#;

/// The attributes that calibration tools and code generators read.
const ATTRIBUTES: &str = r#"BA_DEF_ "BusType" STRING ;
BA_DEF_ "ProtocolType" STRING ;
BA_DEF_ BO_ "GenMsgSendType" ENUM "Cyclic","Spontaneous","CyclicAndSpontaneous";
BA_DEF_ BO_ "GenMsgCycleTime" INT 0 65535;
BA_DEF_ BO_ "GenMsgCycleTimeFast" INT 0 65535;
BA_DEF_ BO_ "GenMsgDelayTime" INT 0 65535;
BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG","reserved","reserved","reserved","reserved","reserved","reserved","reserved","reserved","reserved","reserved","StandardCAN_FD","ExtendedCAN_FD";
BA_DEF_ BO_ "E2EProfile" STRING ;
BA_DEF_ BO_ "E2EDataId" INT 0 65535;
BA_DEF_ SG_ "GenSigStartValue" INT 0 2147483647;
BA_DEF_DEF_ "BusType" "CAN";
BA_DEF_DEF_ "ProtocolType" "";
BA_DEF_DEF_ "GenMsgSendType" "Cyclic";
BA_DEF_DEF_ "GenMsgCycleTime" 0;
BA_DEF_DEF_ "GenMsgCycleTimeFast" 0;
BA_DEF_DEF_ "GenMsgDelayTime" 0;
BA_DEF_DEF_ "VFrameFormat" "StandardCAN";
BA_DEF_DEF_ "E2EProfile" "";
BA_DEF_DEF_ "E2EDataId" 0;
BA_DEF_DEF_ "GenSigStartValue" 0;
"#;

/// A field of the end-to-end header.
struct HeaderField {
    name: String,
    start_bit: u16,
    bits: u8,
    doc: &'static str,
}

/// The text of the DBC file.
#[must_use]
pub fn dbc(network: &Network) -> String {
    let messages = network.messages();
    let mut text = HEAD.to_owned();
    messages.iter().for_each(|one| message(&mut text, one));
    messages.iter().for_each(|one| comments(&mut text, one));
    text.push_str(ATTRIBUTES);
    attributes(&mut text, network, &messages);
    messages.iter().for_each(|one| words(&mut text, one));
    text
}

fn raw_id(id: CanId) -> u32 {
    /// How a DBC file marks an identifier of 29 bits.
    const EXTENDED: u32 = 1 << 31;
    id.number() | if id.is_extended() { EXTENDED } else { 0 }
}

fn header(one: &Outgoing) -> [HeaderField; 2] {
    let field = |suffix: &str, start_bit, bits, doc| HeaderField {
        name: format!("{}{suffix}", one.message.name),
        start_bit,
        bits,
        doc,
    };
    match one.profile {
        Profile::P11 => [
            field("Crc", 0, 8, "AUTOSAR E2E profile 11A: CRC-8 over data id and data."),
            field("Counter", 8, 4, "AUTOSAR E2E profile 11A: 0 to 14, one more with each frame."),
        ],
        Profile::P05 => [
            field("Crc", 0, 16, "AUTOSAR E2E profile 05: CRC-16 over data and data id."),
            field("Counter", 16, 8, "AUTOSAR E2E profile 05: 0 to 255, one more with each frame."),
        ],
    }
}

fn message(text: &mut String, one: &Outgoing) {
    // Writing to a String cannot fail; nor can it below.
    let _ =
        writeln!(text, "BO_ {} {NODE}_{}: {} {NODE}", raw_id(one.id), one.message.name, one.message.bytes);
    for HeaderField { name, start_bit, bits, .. } in header(one) {
        let max = (1_u32 << bits) - 1;
        let _ = writeln!(text, " SG_ {name} : {start_bit}|{bits}@1+ (1,0) [0|{max}] \"\" Vector__XXX");
    }
    for field in one.message.fields {
        let (min, max) = field.range();
        let Field { name, start_bit, bits, factor, offset, unit, .. } = field;
        let _ = writeln!(
            text,
            " SG_ {name} : {start_bit}|{bits}@1+ ({factor},{offset}) [{min}|{max}] \"{unit}\" Vector__XXX"
        );
    }
    text.push('\n');
}

fn comments(text: &mut String, one: &Outgoing) {
    let id = raw_id(one.id);
    let _ = writeln!(text, "CM_ BO_ {id} \"{}\";", quoted(one.message.doc));
    for HeaderField { name, doc, .. } in header(one) {
        let _ = writeln!(text, "CM_ SG_ {id} {name} \"{}\";", quoted(doc));
    }
    for field in one.message.fields {
        let _ = writeln!(text, "CM_ SG_ {id} {} \"{}\";", field.name, quoted(field.source.doc()));
    }
}

/// DBC text has no escape: what would end it is written otherwise.
fn quoted(text: &str) -> String {
    text.replace('"', "'")
}

fn attributes(text: &mut String, network: &Network, messages: &[Outgoing]) {
    let options = network.options();
    let (bus, protocol) = match options.format {
        Format::Classic => ("CAN", ""),
        Format::Fd => ("CAN FD", ""),
        Format::J1939 => ("CAN", "J1939"),
    };
    let _ = writeln!(text, "BA_ \"BusType\" \"{bus}\";\nBA_ \"ProtocolType\" \"{protocol}\";");
    for one in messages {
        let id = raw_id(one.id);
        let mut attribute = |name: &str, value: u128| {
            let _ = writeln!(text, "BA_ \"{name}\" BO_ {id} {value};");
        };
        attribute("GenMsgSendType", if one.message.on_change { 2 } else { 0 });
        attribute("GenMsgCycleTime", one.period.as_millis());
        attribute("GenMsgDelayTime", options.inhibit.as_millis());
        attribute("VFrameFormat", frame_format(options.format, one));
        attribute("E2EDataId", one.data_id.into());
        let _ = writeln!(text, "BA_ \"E2EProfile\" BO_ {id} \"{}\";", one.profile.name());
        for field in one.message.fields {
            let _ =
                writeln!(text, "BA_ \"GenSigStartValue\" SG_ {id} {} {};", field.name, field.not_available());
        }
    }
}

/// The place of the format in the list of the attribute `VFrameFormat`.
const fn frame_format(format: Format, one: &Outgoing) -> u128 {
    match (format, one.fd, one.id.is_extended()) {
        (Format::J1939, _, _) => 3,
        (_, true, false) => 14,
        (_, true, true) => 15,
        (_, false, extended) => extended as u128,
    }
}

fn words(text: &mut String, one: &Outgoing) {
    for field in one.message.fields {
        let _ = write!(text, "VAL_ {} {}", raw_id(one.id), field.name);
        for (code, word) in field.source.words().iter().enumerate() {
            let _ = write!(text, " {code} \"{}\"", word.name);
        }
        let _ = writeln!(text, " {} \"error\" {} \"not_available\" ;", field.error(), field.not_available());
    }
}

#[cfg(test)]
mod tests {
    use super::super::input::Database;
    use super::super::network::NetworkOptions;
    use super::super::{MESSAGES, Moment, encode};
    use super::*;
    use types::MonoTime;

    /// The parser of the vehicle's files reads ours too, and finds every field where it is.
    #[test]
    fn can_dbc_parses_it_in_every_format() {
        for format in [Format::Classic, Format::Fd, Format::J1939] {
            for profile in [Profile::P11, Profile::P05] {
                let options = NetworkOptions { format, profile, ..NetworkOptions::default() };
                let network = Network::new(options).unwrap();
                let database = Database::parse(dbc(&network).as_bytes()).unwrap();
                for one in network.messages() {
                    let nothing = encode(one.message, Moment { event: None, now: MonoTime::ZERO });
                    for field in one.message.fields {
                        let name = format!("{NODE}_{}.{}", one.message.name, field.name);
                        let input = database.find(&name).unwrap();
                        assert_eq!((input.id(), input.bits()), (one.id, field.bits.into()), "{name}");
                        assert_eq!(input.read(nothing.bytes()), None, "{name} is not available");
                    }
                    assert!(database.find(&format!("{NODE}_{0}.{0}Crc", one.message.name)).is_ok());
                }
            }
        }
        assert!(MESSAGES.iter().all(|message| !message.doc.contains('"')));
    }
}
