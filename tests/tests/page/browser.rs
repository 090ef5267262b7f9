//! What a person sees in a browser. One browser for all of it: a start costs a second.

use std::time::Duration;

use etcd_config_tests::{Browser, SOON};

use crate::served::{PLANTED, Served};

const LIVE: &str = "document.getElementById('live').textContent.startsWith('Live')";

fn row(field: &str) -> String {
    format!("document.querySelector('tr[data-key=\"{field}\"] .value')?.innerText.trim()")
}

fn shows(field: &str, value: &str) -> String {
    format!("{} === '{value}'", row(field))
}

#[test]
fn a_person_sees_what_is_in_force_and_what_changes() {
    let mut browser = Browser::start();
    let mut served = Served::start();
    it_loads_with_and_without_a_slash_and_asks_nobody_else(&mut browser, &served);
    a_change_appears_within_a_second_without_a_reload(&mut browser, &served);
    a_refusal_is_seen_and_its_end(&mut browser, &served);
    a_secret_is_nowhere(&mut browser, &served);
    markup_is_text(&mut browser, &served);
    it_is_used_by_keyboard(&mut browser, &served);
    it_fits_small_screens_and_has_enough_contrast(&mut browser, &served);
    it_is_readable_without_scripts(&mut browser, &served);
    an_outage_is_seen_and_its_end(&mut browser, &served);
    a_page_without_its_service_says_so_and_comes_back(&mut browser, &mut served);
    assert_eq!(browser.eval("window.executed"), serde_json::Value::Null);
}

fn it_loads_with_and_without_a_slash_and_asks_nobody_else(browser: &mut Browser, served: &Served) {
    for slash in ["", "/"] {
        browser.go(&served.address(slash));
        browser.until(LIVE, SOON);
        assert_eq!(browser.eval("document.querySelector('.word').textContent"), "Current");
        assert_eq!(browser.eval("document.title"), "Current – Settings /payments");
        assert_eq!(browser.eval(&row("database.url")), "postgres://db/payments");
        assert_eq!(browser.eval(&row("database.pool_size")), "10");
        assert!(browser.text().contains("Connections that are kept open."));
        let own = format!("http://127.0.0.1:{}/internal/config", served.port);
        let requests = browser.requests();
        let elsewhere = |address: &&String| !address.starts_with(&own) && !address.starts_with("data:");
        assert!(requests.len() >= 2 && !requests.iter().any(|address| elsewhere(&address)), "{requests:?}");
        assert_eq!(browser.complaints(), Vec::<String>::new());
        let links = browser.eval(
            "Promise.all([...document.querySelectorAll('nav a')].map(async (a) => (await fetch(a.href)).status)) \
             .then((all) => all.join())",
        );
        assert_eq!(links, "200,200,200,200,200,200");
    }
}

fn a_change_appears_within_a_second_without_a_reload(browser: &mut Browser, served: &Served) {
    browser.eval("window.reloaded = false");
    let mut times = Vec::new();
    for (n, size) in ["20", "21", "22"].into_iter().enumerate() {
        served.store.put("/payments/database/pool_size", size);
        times.push(browser.until(&shows("database.pool_size", size), SOON));
        if n > 0 {
            browser.until("document.querySelector('td.value .fresh') !== null", SOON);
        }
    }
    times.sort();
    assert!(times[1] < Duration::from_secs(1), "{times:?}");
    assert_eq!(browser.eval("window.reloaded"), false);
    browser.until("document.getElementById('recent').innerText.includes('21 → 22')", SOON);
    served.store.put("/payments/features/dark", "true");
    browser.until(&shows("features.dark", "true"), SOON);
    served.store.delete("/payments/features/dark");
    browser.until("document.querySelector('tr[data-key=\"features.dark\"]') === null", SOON);
}

fn a_refusal_is_seen_and_its_end(browser: &mut Browser, served: &Served) {
    served.store.put("/payments/database/pool_size", "0");
    browser.until("document.querySelector('.word').textContent === 'Refused'", SOON);
    browser.until("document.title.startsWith('Refused')", SOON);
    let problems = browser.eval("document.getElementById('problems').innerText").to_string();
    assert!(
        problems.contains("/payments/database/pool_size") && problems.contains("must be at least 1"),
        "{problems}"
    );
    assert!(
        browser.eval(&row("database.pool_size")).as_str().unwrap().starts_with("22\n"),
        "what is in force"
    );
    let recent = browser.eval("document.getElementById('recent').innerText").to_string();
    assert!(recent.contains("Refused") && recent.contains("must be at least 1"), "{recent}");
    served.store.put("/payments/database/pool_size", "23");
    browser.until("document.querySelector('.word').textContent === 'Current'", SOON);
    browser.until("document.getElementById('problems').innerText === ''", SOON);
}

fn a_secret_is_nowhere(browser: &mut Browser, served: &Served) {
    served.store.put("/payments/api_token", "hunter22");
    served.store.put("/payments/api_tokn", "hunter23");
    browser.until("document.getElementById('recent').innerText.includes('api_token')", SOON);
    browser.until("document.getElementById('notes').innerText.includes('api_tokn')", SOON);
    assert_eq!(browser.eval(&row("api_token")), "•••");
    let all = browser.eval(
        "Promise.all([...document.querySelectorAll('nav a')].map(async (a) => (await fetch(a.href)).text())) \
         .then((all) => all.join('\\n'))",
    );
    for shown in [browser.markup(), all.to_string()] {
        assert!(shown.len() > 1_000 && !shown.contains("hunter") && !shown.contains(PLANTED), "{shown}");
    }
    served.store.delete("/payments/api_tokn");
    browser.until("document.getElementById('notes').innerText === ''", SOON);
}

fn markup_is_text(browser: &mut Browser, served: &Served) {
    let markup = "<img src=x onerror='window.executed=1'><script>window.executed=2</script>";
    served.store.put("/payments/log/level", markup);
    browser.until(&format!("{}.includes('<img')", row("log_level")), SOON);
    served.store.put("/payments/features/<svg onload=window.executed=3>", "yes");
    browser.until("document.querySelector('.word').textContent === 'Refused'", SOON);
    browser.go(&served.address(""));
    browser.until(LIVE, SOON);
    assert!(
        browser.text().contains(markup) && browser.text().contains("Switches of <b>single</b> features.")
    );
    let found = browser.eval("document.querySelectorAll('img, svg, b b, main script').length");
    assert_eq!(found, 0);
    assert_eq!(browser.eval("window.executed"), serde_json::Value::Null);
    assert_eq!(browser.complaints(), Vec::<String>::new(), "nothing was tried");
    // And if it were markup, the policy would forbid it.
    browser.eval(
        "document.body.insertAdjacentHTML('beforeend', \
         '<img src=data:, id=planted onerror=\"window.executed=4\">'); \
         new Promise((done) => setTimeout(done, 300))",
    );
    assert_eq!(browser.eval("window.executed"), serde_json::Value::Null);
    served.store.delete("/payments/features/<svg onload=window.executed=3>");
    served.store.put("/payments/log/level", "info");
    browser.until("document.querySelector('.word').textContent === 'Current'", SOON);
}

fn it_is_used_by_keyboard(browser: &mut Browser, served: &Served) {
    browser.go(&served.address(""));
    browser.until(LIVE, SOON);
    browser.press("Tab");
    assert_eq!(browser.eval("document.activeElement.textContent"), "To the values");
    browser.press("/");
    assert_eq!(browser.eval("document.activeElement.id"), "filter");
    for key in ["p", "o", "o", "l"] {
        browser.press(key);
    }
    assert_eq!(browser.eval("document.getElementById('found').textContent"), "1 of 9");
    assert_eq!(browser.eval("document.querySelectorAll('#rows tbody tr:not([hidden])').length"), 1);
    // What is typed and where stays when something changes.
    served.store.put("/payments/database/pool_size", "30");
    browser.until(&shows("database.pool_size", "30"), SOON);
    assert_eq!(browser.eval("document.activeElement.id + document.activeElement.value"), "filterpool");
    assert_eq!(browser.eval("document.querySelectorAll('#rows tbody tr:not([hidden])').length"), 1);
    browser.press("Escape");
    assert_eq!(browser.eval("document.getElementById('found').textContent"), "9 fields");
    browser.eval("document.querySelector('#facts summary').focus()");
    browser.press("Enter");
    browser.until("document.querySelector('#facts details').open", SOON);
    served.store.put("/payments/database/pool_size", "31");
    browser.until("document.getElementById('facts').innerText.includes('Snapshots')", SOON);
    assert_eq!(browser.eval("document.querySelector('#facts details').open"), true, "it stays open");
}

/// The least contrast of texts with what they stand on, as WCAG 2 has it.
const CONTRAST: &str = "(() => {
    const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
        .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
    const parse = (text) => text.match(/[\\d.]+/g).map(Number);
    const back = (e) => { for (; e; e = e.parentElement) {
        const c = parse(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0) return c; }
        return [255, 255, 255]; };
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let least = 21;
    while (walk.nextNode()) {
        const e = walk.currentNode.parentElement;
        if (!walk.currentNode.data.trim() || !e.getClientRects().length || e.closest('.skip, .fresh')) continue;
        const [a, b] = [light(parse(getComputedStyle(e).color)), light(back(e))].sort((x, y) => y - x);
        least = Math.min(least, (a + 0.05) / (b + 0.05));
    }
    return least;
})()";

fn it_fits_small_screens_and_has_enough_contrast(browser: &mut Browser, served: &Served) {
    let pictures = std::env::var_os("SCREENSHOTS").map(std::path::PathBuf::from);
    served.store.put("/payments/database/pool_size", "13");
    served.store.put("/payments/zone", "eu-2");
    served.store.put("/payments/log/levl", "debug");
    for (width, is_dark) in [(1280, false), (1280, true), (390, false), (390, true)] {
        browser.look(width, is_dark);
        browser.go(&served.address(""));
        browser.until(LIVE, SOON);
        browser.until("document.querySelector('.word').textContent === 'Refused'", SOON);
        browser.until("document.getElementById('resources').innerText.includes('one too many')", SOON);
        let over =
            browser.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assert_eq!(over, 0, "nothing is wider than {width} pixels");
        let contrast = browser.eval(CONTRAST).as_f64().unwrap();
        assert!(contrast >= 4.5, "{width}, dark: {is_dark}: {contrast}");
        if let Some(folder) = &pictures {
            let name = format!("page-{width}-{}.png", if is_dark { "dark" } else { "light" });
            std::fs::write(folder.join(name), browser.screenshot()).unwrap();
        }
    }
    browser.look(1280, false);
    served.store.put("/payments/database/pool_size", "12");
    let corrected = served.store.delete("/payments/log/levl");
    served.settings.wait_for_revision(corrected, SOON).expect("it is in force");
}

fn it_is_readable_without_scripts(browser: &mut Browser, served: &Served) {
    browser.run_scripts(false);
    for slash in ["", "/"] {
        browser.go(&served.address(slash));
        let text = browser.text();
        for wanted in
            ["Current", "postgres://db/payments", "Connections that are kept open.", "What happened last"]
        {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        assert!(!text.contains("Filter"), "what needs a script is not there: {text}");
        // The links lead somewhere all the same.
        let link = browser.eval("document.querySelector('nav a').href");
        browser.go(link.as_str().unwrap());
        assert!(browser.text().contains("\"state\":\"watching\""), "{}", browser.text());
    }
    browser.run_scripts(true);
}

fn an_outage_is_seen_and_its_end(browser: &mut Browser, served: &Served) {
    browser.go(&served.address(""));
    browser.until(LIVE, SOON);
    served.store.refuse(true);
    served.store.cut();
    browser.until("document.querySelector('.word').textContent === 'Disconnected'", SOON);
    browser.until("document.getElementById('recent').innerText.includes('Connection lost')", SOON);
    served.store.refuse(false);
    browser.until("document.querySelector('.word').textContent === 'Current'", SOON);
    browser.until("document.getElementById('recent').innerText.includes('Connected again')", SOON);
}

fn a_page_without_its_service_says_so_and_comes_back(browser: &mut Browser, served: &mut Served) {
    served.stop();
    browser.until("!document.getElementById('lost').hidden && document.title.startsWith('Not live')", SOON);
    served.store.put("/payments/database/pool_size", "40");
    served.serve();
    browser.until("document.getElementById('lost').hidden", SOON);
    browser.until(&shows("database.pool_size", "40"), SOON);
    served.settings.close(SOON).expect("there is no cache file");
    browser.until("document.querySelector('.word').textContent === 'Stopped'", SOON);
}
