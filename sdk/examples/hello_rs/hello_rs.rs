//! hello in Rust, over the C tables: a line "topic payload" by UDP becomes a message.
//! Only the fields that are used are declared; the tables say how long they are.
#![allow(non_camel_case_types)]
use std::ffi::{c_char, c_void};
use std::panic::catch_unwind;
use std::ptr::{null, null_mut};

#[repr(C)]
#[derive(Clone, Copy)]
struct Str { data: *const u8, size: usize }

#[repr(C)]
struct Host {
    size: u32,
    abi_minor: u32,
    implementation: *mut c_void,
    get_extension: unsafe extern "C" fn(*const Host, *const c_char) -> *const c_void,
}

#[repr(C)]
struct Plugin {
    size: u32,
    reserved: u32,
    this: *mut c_void,
    start: Option<unsafe extern "C" fn(*mut c_void) -> i32>,
    stop: Option<unsafe extern "C" fn(*mut c_void)>,
    destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    get_extension: Option<unsafe extern "C" fn(*mut c_void, *const c_char) -> *const c_void>,
}

#[repr(C)]
struct Info {
    magic: [u8; 8],
    size: u32,
    abi_major: u16,
    abi_minor: u16,
    flags: u32,
    reserved: u32,
    name: [u8; 32],
    version: [u8; 24],
    summary: [u8; 128],
    depends: [u8; 128],
    stamp: [u8; 128],
}

#[repr(C)]
pub struct Entry {
    size: u32,
    magic: u32,
    info: *const Info,
    settings: *const c_void,
    settings_count: u32,
    reserved: u32,
    create: unsafe extern "C" fn(*const Host, *mut Plugin) -> i32,
}
unsafe impl Sync for Entry {}

#[repr(C)]
struct Addr { family: u8, reserved: u8, port: u16, bytes: [u8; 16], scope: u32, reserved2: u32 }

#[repr(C)]
struct Datagram { peer: Addr, local: Addr, bytes: Str, verified: *const c_void }

#[repr(C)]
struct UdpOptions {
    size: u32,
    flags: u32,
    address: Str,
    shard: u32,
    recv_buffer: u32,
    tls: *const c_void,
    max_sessions: u32,
    idle_timeout_s: u32,
}

#[repr(C)]
struct UdpCallbacks {
    size: u32,
    reserved: u32,
    datagrams: unsafe extern "C" fn(*mut c_void, u64, *const Datagram, u32),
    session: *const c_void,
}

#[repr(C)]
struct ExtUdp {
    size: u32,
    reserved: u32,
    bind: unsafe extern "C" fn(*const Host, *const UdpOptions, *const UdpCallbacks, *mut c_void, *mut u64) -> i32,
}

#[repr(C)]
struct MessageView {
    size: u32,
    qos: u8,
    retain: u8,
    dup: u8,
    reserved: u8,
    topic: Str,
    payload: Str,
    client_id: Str,
    username: Str,
    props: *const c_void,
    props_n: u32,
    expiry_s: u32,
    received_ms: i64,
    message: *mut c_void,
}

#[repr(C)]
struct ExtBroker {
    size: u32,
    reserved: u32,
    publish: unsafe extern "C" fn(*const Host, *const MessageView) -> i32,
}

const NONE: Str = Str { data: null(), size: 0 };
const E_UNSUPPORTED: i32 = -9;
const E_EXCEPTION: i32 = -11;

struct Hello { host: *const Host, broker: *const ExtBroker }

fn text(of: &[u8]) -> Str { Str { data: of.as_ptr(), size: of.len() } }

unsafe extern "C" fn datagrams(ctx: *mut c_void, _socket: u64, first: *const Datagram, n: u32) {
    let _ = catch_unwind(|| {
        let hello = &*(ctx as *const Hello);
        for d in std::slice::from_raw_parts(first, n as usize) {
            if d.bytes.size == 0 { continue; }
            let line = std::slice::from_raw_parts(d.bytes.data, d.bytes.size);
            let Some(cut) = line.iter().position(|&c| c == b' ') else { continue };
            let message = MessageView {
                size: std::mem::size_of::<MessageView>() as u32,
                qos: 0, retain: 0, dup: 0, reserved: 0,
                topic: text(&line[..cut]), payload: text(&line[cut + 1..]),
                client_id: NONE, username: NONE,
                props: null(), props_n: 0, expiry_s: 0, received_ms: 0, message: null_mut(),
            };
            ((*hello.broker).publish)(hello.host, &message);
        }
    });
}

unsafe extern "C" fn start(this: *mut c_void) -> i32 {
    catch_unwind(|| {
        let hello = &mut *(this as *mut Hello);
        let extension = |id: &'static [u8]| ((*hello.host).get_extension)(hello.host, id.as_ptr() as *const c_char);
        let udp = extension(b"keel.udp/1\0") as *const ExtUdp;
        hello.broker = extension(b"keel.broker/1\0") as *const ExtBroker;
        if udp.is_null() || hello.broker.is_null() { return E_UNSUPPORTED; }
        let options = UdpOptions {
            size: std::mem::size_of::<UdpOptions>() as u32,
            flags: 0, address: text(b"127.0.0.1:7779"), shard: 0, recv_buffer: 0,
            tls: null(), max_sessions: 0, idle_timeout_s: 0,
        };
        let callbacks = UdpCallbacks {
            size: std::mem::size_of::<UdpCallbacks>() as u32, reserved: 0, datagrams, session: null(),
        };
        let mut socket = 0u64;
        ((*udp).bind)(hello.host, &options, &callbacks, this, &mut socket)
    }).unwrap_or(E_EXCEPTION)
}

unsafe extern "C" fn stop(_this: *mut c_void) {}

unsafe extern "C" fn destroy(this: *mut c_void) { drop(Box::from_raw(this as *mut Hello)); }

unsafe extern "C" fn create(host: *const Host, out: *mut Plugin) -> i32 {
    let hello = Box::new(Hello { host, broker: null() });
    (*out).this = Box::into_raw(hello) as *mut c_void;
    (*out).start = Some(start);
    (*out).stop = Some(stop);
    (*out).destroy = Some(destroy);
    0
}

const fn fixed<const N: usize>(text: &str) -> [u8; N] {
    let from = text.as_bytes();
    let mut out = [0u8; N];
    let mut i = 0;
    while i < from.len() { out[i] = from[i]; i += 1; }
    out
}

#[used]
#[link_section = ".keel.plugin"]
static INFO: Info = Info {
    magic: *b"KEELPLG\0",
    size: std::mem::size_of::<Info>() as u32,
    abi_major: 1, abi_minor: 0, flags: 0, reserved: 0,
    name: fixed("hello_rs"), version: fixed("1.0.0"),
    summary: fixed("UDP lines in, publishes out; in Rust"), depends: fixed(""), stamp: fixed("rustc"),
};

#[no_mangle]
#[used]
#[allow(non_upper_case_globals)]
pub static keel_plugin_entry_v1: Entry = Entry {
    size: std::mem::size_of::<Entry>() as u32,
    magic: 0x4b45454c,
    info: &INFO,
    settings: null(), settings_count: 0, reserved: 0, create,
};
