//! The report as one page: HTML with its style and its drawings in it, nothing from outside, readable on a telephone and by
//! night.

use std::fmt::Write as _;

use posbook::Decimal;
use posbook::analytics::{Account, Figure, Group, Life};
use posbook_bench::sheet::{self, escape};

use super::found::{Found, Money, drawn};
use super::plot::{self, Bar};
use super::words::{self, amount, plus, share, signed};

const STYLE: &str = "
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.6rem;margin:.8rem 0}
.tile{border:1px solid var(--line);border-radius:.4rem;padding:.45rem .7rem;min-width:0}.tile b{display:block;font-size:1.1rem;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}.tile b.long{font-size:.85rem;line-height:1.65}.tile span{color:var(--soft);font-size:.8rem}
rect.good,circle.good{fill:var(--good)}rect.bad,circle.bad{fill:var(--bad)}td.good,b.good{color:var(--good)}td.bad,b.bad{color:var(--bad)}
polygon.area{opacity:.14;stroke:none}polyline.fall{stroke:var(--bad)}polygon.fall{fill:var(--bad)}polyline.mine{stroke-width:1.5}line.zero{stroke:var(--soft)}
.lives td{white-space:nowrap}.lives td:last-child{white-space:normal;min-width:8rem}
body{max-width:80rem}figure{max-width:none}.plots{grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr))}
@media(min-width:56rem){svg text,svg text.soft{font-size:9px}.plots{grid-template-columns:1fr 1fr}}
";

pub fn page(found: &Found) -> String {
    let mut html = sheet::head("posbook report", STYLE);
    let _ = write!(
        html,
        "<h1>posbook report</h1><p class=\"soft\">{}; changes {} to {} of {}; {} lives ended, {} open</p>",
        escape(&found.span()),
        found.first,
        found.last,
        escape(&found.folder),
        found.lives_ended,
        found.open
    );
    for warning in &found.warnings {
        let _ = write!(html, "<p class=\"busy\">{}</p>", escape(warning));
    }
    if found.currencies.is_empty() {
        html.push_str("<p>No money has moved yet.</p>");
    }
    for money in &found.currencies {
        in_currency(&mut html, money, found);
    }
    lives(&mut html, found);
    html.push_str("<h2>How to read this</h2><p class=\"soft\">Equity is what was realised, less fees, plus funding, plus what is open at the latest price that was seen: it begins with zero, because what stands on the account is not known to a book of positions. Prices are those that changes carry, the marks that commands were decided with and the prices of trades; ticks are not in a journal, so between two changes equity stands still here. Currencies are never added up. Times are UTC, by the book's clock. A position with several tags is counted under each of them, one without under none. Statistics are over lives, from opening to flat, after fees and funding in the same currency. Sharpe ratios are not annualised.</p></body></html>");
    html
}

fn in_currency(html: &mut String, money: &Money, found: &Found) {
    let currency = escape(money.currency.as_str());
    let _ = write!(html, "<h2>{currency}</h2>");
    headline(html, money);
    tiles(html, money);
    html.push_str("<div class=\"plots\">");
    if money.equity.points().len() > 1 {
        let note = format!("{currency}, from zero");
        plot::line(html, "Equity", &note, money.equity.points(), "mine");
        let note = format!("{currency} below the highest point so far");
        plot::line(html, "Drawdown", &note, money.drawdown.points(), "fall");
    }
    by_period(html, money);
    if !money.results.is_empty() {
        plot::distribution(html, "Distribution of results", &currency, &money.results);
    }
    html.push_str("</div>");
    endings(html, money);
    let of = |wanted: fn(&Group) -> bool| money.groups.iter().filter(move |(group, _, _)| wanted(group));
    // One that has everything is the whole again.
    let strategies = of(|group| matches!(group, Group::Owner(_))).count();
    if strategies > 1 {
        group(html, "By strategy", of(|group| matches!(group, Group::Owner(_))));
    }
    group(html, "By tag", of(|group| matches!(group, Group::Tag(_))));
    group(html, "By instrument", of(|group| matches!(group, Group::Instrument(_))));
    group(html, "By side", of(|group| matches!(group, Group::Side(_))));
    excursions(html, money, found);
}

/// The four questions, in words.
fn headline(html: &mut String, money: &Money) {
    let (account, currency) = (&money.account, escape(money.currency.as_str()));
    let _ = write!(
        html,
        "<p>Together <b>{} {currency}</b>",
        account.estimate().known().map_or_else(|| words::UNKNOWN.to_owned(), plus)
    );
    let drawdown = account.drawdown();
    if let (Some((from, at)), Some(worst)) = (drawdown.worst_between(), drawdown.worst().known()) {
        let _ = write!(
            html,
            "; at worst {} below its highest point, at {} (it stood highest at {})",
            amount(worst),
            words::time(at),
            words::time(from)
        );
    }
    for (what, (best, most), (worst, least)) in money.best_and_worst() {
        let _ = write!(
            html,
            ". Best {what}: {} with {}; worst: {} with {}",
            escape(best),
            plus(most),
            escape(worst),
            plus(least)
        );
    }
    html.push_str(".</p>");
}

fn tiles(html: &mut String, money: &Money) {
    let (account, results) = (&money.account, money.account.results());
    let span = account.time_in_market();
    let sharpe = format!("Sharpe by {}", money.period.name());
    let tiles: Vec<(String, &str, &str)> = vec![
        (signed(account.realised()), "realised", tone(account.realised())),
        (signed(account.fees()), "fees", ""),
        (signed(account.funding()), "funding", tone(account.funding())),
        (signed(account.unrealised()), "unrealised", tone(account.unrealised())),
        (signed(account.drawdown().worst()), "worst drawdown", ""),
        (signed(account.drawdown().now()), "drawdown now", ""),
        ((results.known() + results.unknown()).to_string(), "lives ended", ""),
        (share(results.win_rate()), "win rate", ""),
        (words::figure(results.profit_factor()), "profit factor", ""),
        (signed(results.expectancy()), "expectancy, a life", tone(results.expectancy())),
        (signed(results.average_win()), "average win", ""),
        (signed(results.average_loss()), "average loss", ""),
        (signed(results.largest_win()), "largest win", ""),
        (signed(results.largest_loss()), "largest loss", ""),
        (words::figure(account.sharpe(money.period)), &sharpe, ""),
        (signed(account.turnover()), "turnover", ""),
        (share(account.fee_rate()), "fees of turnover", ""),
        (share(account.fee_share()), "fees of realised profit", ""),
        (signed(account.gross()), "gross exposure now", ""),
        (words::span(span), "in the market", ""),
    ];
    html.push_str("<div class=\"tiles\">");
    for (value, name, tone) in tiles {
        // What is long stays in one line.
        let long = if value.chars().count() > 11 { " long" } else { "" };
        let _ = write!(
            html,
            "<div class=\"tile\"><b class=\"{tone}{long}\">{value}</b><span>{name}</span></div>"
        );
    }
    html.push_str("</div>");
}

/// A class for what is above or below zero.
fn tone(figure: Figure) -> &'static str {
    match figure.known() {
        Some(value) if value > Decimal::ZERO => "good",
        Some(value) if value < Decimal::ZERO => "bad",
        _ => "",
    }
}

fn by_period(html: &mut String, money: &Money) {
    let (Some(first), Some(last)) = (money.rows.first(), money.rows.last()) else { return };
    let number = |row: &posbook::analytics::Row| money.period.number(row.begins());
    let span = last.begins().since(first.begins());
    let mut rows = money.rows.iter().peekable();
    let mut bars = Vec::new();
    for n in number(first)..=number(last) {
        let begins = money.period.begins(n);
        let row = rows.next_if(|row| number(row) == n);
        let booked = row.map(|row| row.booked());
        let said = booked.map_or_else(|| "nothing happened".to_owned(), signed);
        let value = booked.and_then(Figure::known).map_or(0.0, drawn);
        bars.push(Bar { name: format!("{}: {said}", words::brief(begins, span)), value });
    }
    let ends = [first.begins(), last.begins()].map(|time| words::brief(time, span));
    let words = if bars.len() > 1 { ends.to_vec() } else { vec![words::time(first.begins())] };
    let title = format!("Booked by {}", money.period.name());
    let note = format!("realised, less fees, plus funding, {}", money.currency);
    plot::bars(html, &title, &note, &bars, &words);
}

fn endings(html: &mut String, money: &Money) {
    if money.endings.is_empty() {
        return;
    }
    html.push_str("<h3>Why positions closed</h3><div class=\"wide\"><table><tr><th>cause</th><th class=\"n\">lives</th><th class=\"n\">result</th><th class=\"n\">a life</th><th></th></tr>");
    for ended in &money.endings {
        let known = ended.lives.saturating_sub(ended.unknown);
        let mean = ended.net.checked_div(known.into());
        let _ = write!(
            html,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n {}\">{}</td><td class=\"n\">{}</td><td class=\"soft\">{}</td></tr>",
            ended.ending,
            ended.lives,
            tone(Figure::Known(ended.net)),
            plus(ended.net),
            mean.map_or_else(String::new, plus),
            if ended.unknown == 0 { String::new() } else { format!("{} of them unknown", ended.unknown) }
        );
    }
    html.push_str("</table></div>");
}

fn group<'a>(html: &mut String, title: &str, rows: impl Iterator<Item = &'a (Group, String, Account)>) {
    let mut rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        return;
    }
    let earned = |account: &Account| account.estimate().known();
    rows.sort_by_key(|(_, _, account)| std::cmp::Reverse(earned(account)));
    let _ = write!(
        html,
        "<h3>{title}</h3><div class=\"wide\"><table><tr><th></th><th class=\"n\">together</th><th class=\"n\">realised</th><th class=\"n\">fees</th><th class=\"n\">unrealised</th><th class=\"n\">worst drawdown</th><th class=\"n\">lives</th><th class=\"n\">win rate</th><th class=\"n\">profit factor</th><th class=\"n\">expectancy</th><th class=\"n\">in the market</th></tr>"
    );
    for (_, name, account) in rows {
        let results = account.results();
        let together = account.estimate();
        let _ = write!(
            html,
            "<tr><td>{}</td><td class=\"n {}\">{}</td>",
            escape(name),
            tone(together),
            together.known().map_or_else(|| words::UNKNOWN.to_owned(), plus)
        );
        for cell in [
            signed(account.realised()),
            signed(account.fees()),
            signed(account.unrealised()),
            signed(account.drawdown().worst()),
            (results.known() + results.unknown()).to_string(),
            share(results.win_rate()),
            words::figure(results.profit_factor()),
            signed(results.expectancy()),
            words::span(account.time_in_market()),
        ] {
            let _ = write!(html, "<td class=\"n\">{}</td>", if cell == words::UNKNOWN { "–" } else { &cell });
        }
        html.push_str("</tr>");
    }
    html.push_str("</table></div>");
}

/// How far each life was under water and how far above, or why that is not known.
fn excursions(html: &mut String, money: &Money, found: &Found) {
    let lives: Vec<&Life> = found.lives.iter().filter(|life| life.settle == money.currency).collect();
    let known: Vec<_> = lives
        .iter()
        .filter_map(|life| {
            let [adverse, favourable, result] =
                [life.adverse, life.favourable, life.result()].map(|figure| figure.known().map(drawn));
            Some((-adverse?, favourable?, result?))
        })
        .collect();
    if known.is_empty() {
        let why = lives.first().and_then(|life| life.adverse.unknown());
        let why = why.map_or_else(|| "no life has ended".to_owned(), |why| why.to_string());
        let _ = write!(
            html,
            "<h3>Worst against best of each life</h3><p class=\"soft\">Not shown: {}. It would be how far each life was below and above its entry (MAE against MFE).</p>",
            escape(&why)
        );
        return;
    }
    html.push_str("<div class=\"plots\">");
    let note = format!(
        "across: at worst (MAE), up: at best (MFE), {}; {} of {} listed lives",
        money.currency,
        known.len(),
        lives.len()
    );
    plot::dots(html, "Worst against best of each life", &note, &known);
    html.push_str("</div>");
}

fn lives(html: &mut String, found: &Found) {
    html.push_str("<h2>Lives</h2>");
    if found.lives.is_empty() {
        html.push_str("<p>No position has been closed yet.</p>");
        return;
    }
    // A column that says nothing of anybody is left out.
    let owned = found.lives.iter().any(|life| life.key.owner != posbook::Owner::UNOWNED);
    let _ = write!(
        html,
        "<p class=\"soft\">The newest {} of {}. A key's whole story: <code>posbook history DIR SYMBOL</code>.</p><div class=\"wide\"><table class=\"lives\"><tr><th>closed</th><th>symbol</th><th>side</th><th class=\"n\">peak</th><th class=\"n\">entry</th><th class=\"n\">exit</th><th class=\"n\">result</th><th>cause</th><th class=\"n\">held</th><th class=\"n\">fees</th><th class=\"n\">fills</th>{}<th>tags</th><th>reason</th></tr>",
        found.lives.len(),
        found.lives_ended,
        if owned { "<th class=\"n\">owner</th>" } else { "" }
    );
    for life in &found.lives {
        let price = |figure: Figure| figure.known().map_or_else(|| "–".to_owned(), words::price);
        let result = life.result();
        let fees: Vec<_> = life
            .fees
            .iter()
            .map(|(currency, sum)| {
                let unit = if *currency == life.settle { String::new() } else { format!(" {currency}") };
                format!("{}{unit}", amount(sum))
            })
            .collect();
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n {}\">{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>{}<td>{}</td><td>{}</td></tr>",
            words::time(life.closed_at),
            escape(life.symbol.as_str()),
            life.side,
            words::price(life.peak.get()),
            price(life.entry),
            price(life.exit),
            tone(result),
            result.known().map_or_else(|| words::UNKNOWN.to_owned(), plus),
            life.ending,
            words::span(life.held()),
            escape(&fees.join(", ")),
            life.fills,
            match (owned, life.key.owner) {
                (false, _) => String::new(),
                (true, posbook::Owner::UNOWNED) => "<td></td>".to_owned(),
                (true, owner) => format!("<td class=\"n\">{}</td>", owner.0),
            },
            escape(&life.tags.to_string()),
            // A reason that only says the cause again is none.
            if life.reason == life.ending.to_string() { String::new() } else { escape(&life.reason) }
        );
    }
    html.push_str("</table></div>");
}
